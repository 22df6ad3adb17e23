//! The names of generations on disk, in `generations` below the state directory. With them a daemon can name
//! the records that an earlier one left in the rings, and knows the order of each slot in the tables that it
//! finds in the kernel.
//!
//! A generation is written before it is published, whole or not at all, and removed once all of its records
//! are written. What is read back is only a claim: `believed` compares it with verified orders.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sensor_common::tables::Slot;
use serde::{Deserialize, Serialize};

use crate::compile::{Names, OrderName, RuleName};
use crate::durable::disk::Disk;
use crate::durable::replace::replace;
use crate::order::Measure;
use crate::shown::shown;

const SCHEMA: &str = "sekisho.generation/v1";

/// A generation that was found: its number, and its names or why they cannot be read.
pub type Read = (u32, Result<Arc<Names>, Unreadable>);

/// Why the names of a generation cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", shown(.path))]
pub struct Unreadable {
    path: PathBuf,
    fault: GenerationFault,
}

/// What is wrong with the file of a generation.
#[derive(Debug, thiserror::Error)]
enum GenerationFault {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("schema: is not {SCHEMA}")]
    Schema,
    #[error("measure: there is no {0}")]
    Measure(String),
    #[error("is about generation {0}")]
    Another(u32),
}

/// The folder.
#[derive(Debug)]
pub struct GenerationFiles {
    folder: PathBuf,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: String,
    number: u32,
    orders: Vec<WrittenOrder>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenOrder {
    slot: Slot,
    order_id: String,
    serial: u64,
    measure: String,
    /// The SHA-256 of what was signed.
    digest: String,
    /// The ids of the rules, in the order of their numbers.
    rules: Vec<String>,
}

impl GenerationFiles {
    /// The folder below an existing state directory. If it is missing, it is made, closed to others (L-SAFE).
    ///
    /// # Errors
    /// The system's error.
    pub fn open(disk: &mut impl Disk, state: &Path) -> io::Result<Self> {
        let folder = state.join("generations");
        disk.create_directory(&folder)?;
        Ok(Self { folder })
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a generation, and returns once it is on the disk.
    ///
    /// # Errors
    /// The system's error. The file is then whole or not there.
    pub fn write(&self, disk: &mut impl Disk, names: &Names) -> io::Result<()> {
        let mut text = serde_json::to_vec(&written(names)).map_err(io::Error::other)?;
        text.push(b'\n');
        Ok(replace(disk, &self.folder.join("draft"), &self.path(names.generation), &text)?)
    }

    /// All generations, the oldest first, including those that cannot be read.
    ///
    /// # Errors
    /// The system's error about the folder.
    pub fn read(&self, disk: &mut impl Disk) -> io::Result<Vec<Read>> {
        let numbers = self.numbers(disk)?;
        Ok(numbers.into_iter().map(|number| (number, self.read_one(disk, number))).collect())
    }

    fn read_one(&self, disk: &mut impl Disk, number: u32) -> Result<Arc<Names>, Unreadable> {
        let path = self.path(number);
        match read(disk, &path, number) {
            Ok(names) => Ok(Arc::new(names)),
            Err(fault) => Err(Unreadable { path, fault }),
        }
    }

    /// Removes the generations before `generation`.
    ///
    /// # Errors
    /// The system's error. The other files are removed all the same.
    pub fn forget_before(&self, disk: &mut impl Disk, generation: u32) -> io::Result<()> {
        let old = self.numbers(disk)?.into_iter().filter(|number| *number < generation);
        old.map(|number| disk.remove(&self.path(number))).fold(Ok(()), Result::and)
    }

    /// Removes all of them.
    ///
    /// # Errors
    /// As [`Self::forget_before`].
    pub fn clear(&self, disk: &mut impl Disk) -> io::Result<()> {
        let all = self.numbers(disk)?;
        all.into_iter().map(|number| disk.remove(&self.path(number))).fold(Ok(()), Result::and)
    }

    /// Where the names of a generation are.
    pub fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number}.json"))
    }

    fn numbers(&self, disk: &mut impl Disk) -> io::Result<Vec<u32>> {
        let number = |name: &OsString| name.to_str()?.strip_suffix(".json")?.parse::<u32>().ok();
        let mut numbers: Vec<u32> = disk.names(&self.folder)?.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

fn written(names: &Names) -> Written {
    let mut orders: Vec<WrittenOrder> = Vec::new();
    for RuleName { order, rule } in names.rules() {
        // The rules of an order have consecutive numbers, and no two orders share a slot.
        match orders.last_mut().filter(|last| last.slot == order.slot) {
            Some(last) => last.rules.push(rule.clone()),
            None => orders.push(WrittenOrder {
                slot: order.slot,
                order_id: order.order_id.clone(),
                serial: order.serial,
                measure: order.measure.name().to_owned(),
                digest: order.digest.clone(),
                rules: vec![rule.clone()],
            }),
        }
    }
    Written { schema: SCHEMA.to_owned(), number: names.generation, orders }
}

fn read(disk: &mut impl Disk, path: &Path, number: u32) -> Result<Names, GenerationFault> {
    let text = disk.read(path)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let names = names(serde_json::from_slice(&text)?)?;
    if names.generation != number {
        return Err(GenerationFault::Another(names.generation));
    }
    Ok(names)
}

fn names(written: Written) -> Result<Names, GenerationFault> {
    if written.schema != SCHEMA {
        return Err(GenerationFault::Schema);
    }
    let mut rules = Vec::new();
    for WrittenOrder { slot, order_id, serial, measure, digest, rules: ids } in written.orders {
        let known = Measure::ALL.into_iter().find(|known| known.name() == measure);
        let measure = known.ok_or(GenerationFault::Measure(measure))?;
        let order = Arc::new(OrderName { slot, order_id, serial, measure, digest });
        rules.extend(ids.into_iter().map(|rule| RuleName { order: Arc::clone(&order), rule }));
    }
    Ok(Names::new(written.number, rules))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::durable::disk::RealDisk;

    fn generation(number: u32) -> Names {
        let order = |slot, id: &str, measure| {
            let slot = Slot::new(slot);
            let digest = format!("digest of {id}");
            Arc::new(OrderName { slot, order_id: id.to_owned(), serial: 7, measure, digest })
        };
        let (a, b) = (order(3, "a", Measure::Agreement), order(0, "b", Measure::DomesticToForeign));
        let rule = |order: &Arc<OrderName>, rule: &str| RuleName {
            order: Arc::clone(order),
            rule: rule.to_owned(),
        };
        Names::new(number, vec![rule(&a, "r1"), rule(&a, "r2"), rule(&b, "r1")])
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = GenerationFiles::open(&mut RealDisk, folder.path()).unwrap();
        for number in [10, 9, 11] {
            ledger.write(&mut RealDisk, &generation(number)).unwrap();
        }
        let read = ledger.read(&mut RealDisk).unwrap();
        let numbers: Vec<u32> = read.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [9, 10, 11]);
        let read: Vec<_> = read.into_iter().map(|(_, names)| names.unwrap()).collect();
        assert_eq!(read[0].rule(0).unwrap().order.digest, "digest of a");
        let rules: Vec<_> = read[0]
            .rules()
            .iter()
            .map(|rule| {
                (rule.order.slot.number(), rule.order.order_id.as_str(), rule.rule.as_str())
            })
            .collect();
        assert_eq!(rules, [(3, "a", "r1"), (3, "a", "r2"), (0, "b", "r1")]);
        assert_eq!(read[0].rule(2).unwrap().order.measure, Measure::DomesticToForeign);

        ledger.forget_before(&mut RealDisk, 11).unwrap();
        assert_eq!(ledger.read(&mut RealDisk).unwrap().len(), 1);
    }

    #[test]
    fn a_draft_that_was_never_finished_is_no_generation() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = GenerationFiles::open(&mut RealDisk, folder.path()).unwrap();
        fs::write(ledger.folder().join("draft"), "{\"schema\":").unwrap();
        assert!(ledger.read(&mut RealDisk).unwrap().is_empty());
        ledger.write(&mut RealDisk, &generation(1)).unwrap();
        assert_eq!(ledger.read(&mut RealDisk).unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = GenerationFiles::open(&mut RealDisk, folder.path()).unwrap();
        for (text, reason) in [
            ("", "4.json: EOF while parsing"),
            (r#"{"schema":"x","number":4,"orders":[]}"#, "4.json: schema: is not"),
            (
                r#"{"schema":"sekisho.generation/v1","number":5,"orders":[]}"#,
                "is about generation 5",
            ),
            (
                r#"{"schema":"sekisho.generation/v1","number":4,"orders":[{"slot":0,
                    "order_id":"a","serial":1,"measure":"m","digest":"","rules":[]}]}"#,
                "4.json: measure: there is no m",
            ),
        ] {
            fs::write(ledger.folder().join("4.json"), text).unwrap();
            let read = ledger.read(&mut RealDisk).unwrap();
            let [(4, Err(error))] = read.as_slice() else { panic!("{read:?}") };
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
