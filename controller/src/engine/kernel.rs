//! The kernel engine: each frame goes through the loaded XDP program with `BPF_PROG_TEST_RUN`.

use sensor_common::boot_time::BootTime;
use sensor_common::counters::{Counters, Verdict};
use sensor_common::outcome::Outcome;
use sensor_common::parse::tunnel::Entered;
use sensor_common::record::Record;
use sensor_common::tables::{Line, Slot, Term};

use super::{Engine, LONGEST_FRAME, SHORTEST_FRAME};
use crate::kernel::{KernelError, KernelTables, Program, Records, Setup, ShareStore};

/// Room for the records of one frame; they are taken out after each frame.
const RING_BYTES: u32 = 64 * 1024;

/// Judges frames in the kernel. Needs privilege to load programs.
pub struct KernelEngine {
    program: Program,
    /// The share is filled before each frame: a capture is judged as if it were never used up.
    share: ShareStore,
    records: Records,
    /// The counters of frames that no interface could deliver, which are not given to the kernel.
    stunted: Counters,
}

impl KernelEngine {
    /// Loads the program with a generation's tables and the gate wide open: every order that was compiled is
    /// in force. It enters all encapsulations.
    ///
    /// # Errors
    /// [`KernelError`] if the program does not load.
    pub fn new(lines: &[Line]) -> Result<Self, KernelError> {
        Self::entering(lines, Entered::ALL)
    }

    /// The same, entering these encapsulations.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn entering(lines: &[Line], entered: Entered) -> Result<Self, KernelError> {
        let setup = Setup { entered, ring_bytes: RING_BYTES, ..Setup::default() };
        let (mut program, records) = Program::set_up(setup)?;
        program.publish(&KernelTables::create(lines)?)?;
        for slot in Slot::all() {
            program.set_term(slot, Term::ALWAYS)?;
        }
        program.set_lease(BootTime::MAX)?;
        let share = ShareStore::create(1)?;
        program.share(&share)?;
        Ok(Self { program, share, records, stunted: Counters::default() })
    }

    /// Judges a frame whose first buffer has so many bytes at most; see [`Program::test_run_split`].
    ///
    /// # Errors
    /// As there.
    pub fn judge_split(&mut self, frame: &[u8], first: u32) -> Result<Vec<Record>, KernelError> {
        self.share.fill()?;
        self.program.test_run_split(frame, first)?;
        Ok(self.submitted())
    }

    /// The loaded program, to open or close its gate.
    pub const fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    fn submitted(&mut self) -> Vec<Record> {
        std::iter::from_fn(|| self.records.next_record()).collect()
    }
}

impl Engine for KernelEngine {
    fn judge(&mut self, frame: &[u8]) -> Result<Vec<Record>, KernelError> {
        if frame.len() < SHORTEST_FRAME {
            // The kernel does not run the program over less than an Ethernet header, and no
            // interface delivers it; but a capture may hold it.
            self.stunted.count(&Verdict {
                outcome: Outcome::Malformed,
                direction: None,
                length: u32::try_from(frame.len()).unwrap_or(0),
                records: 0,
                lost: 0,
            });
            return Ok(Vec::new());
        }
        if frame.len() > LONGEST_FRAME {
            return Err(KernelError::FrameTooLong(frame.len()));
        }
        self.share.fill()?;
        self.program.test_run(frame, 1)?;
        Ok(self.submitted())
    }

    fn counters(&self) -> Result<Counters, KernelError> {
        let mut sum = self.stunted;
        for cpu in self.program.counters()? {
            sum.merge(&cpu);
        }
        Ok(sum)
    }
}
