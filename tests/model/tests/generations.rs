//! The names of generations over a disk that forgets: whenever the power goes, each is whole or not
//! there, and one that was said to be written is there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use controller::compile::{Names, OrderName, RuleName};
use controller::daemon::orders::generation_files::GenerationFiles;
use controller::durable::disk::{Disk as _, Steps as _};
use controller::order::Measure;
use sekisho_model::disk::SimulatedDisk;
use sensor_common::tables::Slot;

/// A generation of one order, whose serial is the generation's number.
fn generation(number: u32) -> Names {
    let order = Arc::new(OrderName {
        slot: Slot::new(0),
        order_id: "a".to_owned(),
        serial: u64::from(number),
        measure: Measure::Agreement,
        digest: "00".to_owned(),
    });
    Names::new(number, vec![RuleName { order, rule: "r".to_owned() }])
}

/// A disk with the folder on it for good.
fn disk() -> (SimulatedDisk, GenerationFiles) {
    let mut disk = SimulatedDisk::default();
    let state = Path::new("/state");
    disk.create_directory(state).unwrap();
    let files = GenerationFiles::open(&mut disk, state).unwrap();
    disk.sync_directory(state).unwrap();
    (disk, files)
}

/// The numbers of the generations that are there; each is whole.
fn found(disk: &SimulatedDisk, files: &GenerationFiles) -> Vec<u32> {
    let read = files.read(&mut disk.clone()).unwrap().into_iter().map(|(number, names)| {
        let serial = names.unwrap().rule(0).unwrap().order.serial;
        assert_eq!(serial, u64::from(number));
        number
    });
    read.collect()
}

#[test]
fn a_power_cut_leaves_all_of_a_generation_or_nothing() {
    let (mut before, files) = disk();
    files.write(&mut before, &generation(1)).unwrap();
    for steps in 0.. {
        let mut disk = before.copy();
        disk.fail_after(steps);
        let done = files.write(&mut disk, &generation(2));
        for luck in 0..32 {
            let mut left = disk.after_power_cut(luck);
            let numbers = found(&left, &files);
            assert!(numbers == [1, 2] || done.is_err() && numbers == [1], "{steps}, {luck}");
            // Whatever it left of a draft, the next one is written.
            files.write(&mut left, &generation(3)).unwrap();
            assert_eq!(found(&left.after_power_cut(0), &files).last(), Some(&3));
        }
        if done.is_ok() {
            assert!(steps > 4, "{steps}");
            break;
        }
    }
}

#[test]
fn what_is_forgotten_takes_nothing_else_along() {
    let (mut disk, files) = disk();
    for number in 1..=3 {
        files.write(&mut disk, &generation(number)).unwrap();
    }
    files.forget_before(&mut disk, 3).unwrap();
    for luck in 0..32 {
        assert_eq!(found(&disk.after_power_cut(luck), &files).last(), Some(&3), "{luck}");
    }
    assert_eq!(found(&disk, &files), [3]);
}
