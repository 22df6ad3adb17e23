//! A kernel in memory, for tests that run without the real one: it enforces what it is told, and writes down
//! each operation in the order in which it came.

use std::sync::Arc;

use controller::compile::{Names, OrderName};
use controller::daemon::sensor::{Enforce, SensorError};
use controller::kernel::KernelError;
use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Line, MOST_ORDERS, Slot, Term};

/// An operation that reached the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// A generation was published.
    Publish,
    /// The term of the order in a slot was set.
    SetTerm(Slot, Term),
    /// The term of the order in a slot was narrowed to this one.
    NarrowTerm(Slot, Term),
    /// The lease was set to end at this boot time.
    SetLease(BootTime),
    /// Selection was halted (`true`) or resumed.
    SetHalted(bool),
}

/// The kernel.
#[derive(Debug)]
pub struct MemoryKernel {
    /// Every operation so far, also those that were refused.
    pub operations: Vec<Operation>,
    /// Whether every operation is refused.
    pub refuses: bool,
    /// Whether selection is halted.
    pub halted: bool,
    /// The boot time that packets are judged at.
    pub now: BootTime,
    /// What the published generation names. A test sets it: tables alone do not say it.
    pub names: Option<Arc<Names>>,
    terms: [Term; MOST_ORDERS as usize],
    lease: BootTime,
}

impl Default for MemoryKernel {
    fn default() -> Self {
        Self {
            operations: Vec::new(),
            refuses: false,
            halted: false,
            now: BootTime::ZERO,
            names: None,
            terms: [Term::NEVER; MOST_ORDERS as usize],
            lease: BootTime::ZERO,
        }
    }
}

impl MemoryKernel {
    /// The order of each rule that may select a packet now.
    pub fn live(&self) -> impl Iterator<Item = &OrderName> {
        let may_select = !self.halted && self.now < self.lease;
        let rules = self.names.iter().flat_map(|names| names.rules());
        rules
            .map(|rule| &*rule.order)
            .filter(move |order| may_select && self.terms[index(order.slot)].holds(self.now))
    }

    fn note(&mut self, operation: Operation) -> Result<(), SensorError> {
        self.operations.push(operation);
        if self.refuses {
            let interface = "memory".to_owned();
            return Err(SensorError { interface, error: KernelError::TooLarge });
        }
        Ok(())
    }
}

fn index(slot: Slot) -> usize {
    slot.number() as usize
}

impl Enforce for MemoryKernel {
    type Tables = ();

    fn tables(_: &[Line]) -> Result<(), SensorError> {
        Ok(())
    }

    fn publish(&mut self, (): ()) -> Result<(), SensorError> {
        self.note(Operation::Publish)
    }

    fn set_term(&mut self, slot: Slot, term: Term) -> Result<(), SensorError> {
        self.note(Operation::SetTerm(slot, term))?;
        self.terms[index(slot)] = term;
        Ok(())
    }

    fn narrow_term(&mut self, slot: Slot, limit: Term) -> Result<(), SensorError> {
        self.note(Operation::NarrowTerm(slot, limit))?;
        let term = &mut self.terms[index(slot)];
        *term = term.and(limit);
        Ok(())
    }

    fn set_lease(&mut self, until: BootTime) -> Result<(), SensorError> {
        self.note(Operation::SetLease(until))?;
        self.lease = until;
        Ok(())
    }

    fn set_halted(&mut self, halted: bool) -> Result<(), SensorError> {
        self.note(Operation::SetHalted(halted))?;
        self.halted = halted;
        Ok(())
    }

    fn is_halted(&self) -> Result<bool, SensorError> {
        Ok(self.halted)
    }
}
