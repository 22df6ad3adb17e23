use std::io::Cursor;
use std::sync::{Arc, Mutex};

use sensor_common::counters::Counters;
use sensor_common::record::Record;
use serde_json::{Value, json};

use super::*;
use crate::capture::writer::{MICRO, Order, Pcapng, pcap, pcap_packet};
use crate::engine::{Engine, HostEngine, LONGEST_FRAME};

/// What a replay gives: its report, what was told, and the lengths of what the kernel's engine was given.
struct Replayed {
    report: Value,
    told: Vec<String>,
    given: Vec<usize>,
}

/// In the kernel's place.
struct Noting(HostEngine, Arc<Mutex<Vec<usize>>>);

impl Engine for Noting {
    fn judge(&mut self, frame: &[u8]) -> Result<Vec<Record>, KernelError> {
        assert!(frame.len() <= LONGEST_FRAME);
        self.1.lock().unwrap().push(frame.len());
        self.0.judge(frame)
    }

    fn counters(&self) -> Result<Counters, KernelError> {
        self.0.counters()
    }
}

/// Replays captures over no tables: nothing is selected, everything is counted.
fn replay(captures: &[&[u8]], kernel: bool) -> Replayed {
    let given = Arc::new(Mutex::new(Vec::new()));
    let host = || HostEngine::new(Vec::new());
    let judge = if kernel {
        Judge::kernel(Noting(host(), Arc::clone(&given)), host())
    } else {
        Judge::host(host())
    };
    let names = Names::new(1, Vec::new());
    let mut replay = Replay::new(judge, &names, "s");
    let (mut output, mut told) = (Vec::new(), Vec::new());
    for (number, bytes) in captures.iter().enumerate() {
        let file = format!("/captures/{number}.pcap");
        let capture = Capture::from_reader(file.clone(), Cursor::new(bytes.to_vec()));
        let mut tell = |news: News<'_>| match news {
            News::Frames(_) => {}
            News::Unreadable(error) => told.push(format!("frame: {error}")),
            News::Ended(error) => told.push(format!("end: {error}")),
            News::TooLong { frame, length } => told.push(format!("long: {frame} {length}")),
        };
        replay.run(Path::new(&file), capture, &mut output, &mut tell).unwrap();
    }
    assert!(output.is_empty());
    let report = replay.report().unwrap();
    assert_eq!(
        replay.is_complete(),
        report.captures.iter().all(|capture| capture.complete),
        "{report:?}"
    );
    let report = serde_json::to_value(report).unwrap();
    let given = given.lock().unwrap().clone();
    Replayed { report, told, given }
}

/// An IPv4 packet of a protocol without ports, in Ethernet.
fn frame(total_length: u16) -> Vec<u8> {
    let mut frame = vec![0; 64];
    frame[12..15].copy_from_slice(&[8, 0, 0x45]);
    frame[16..18].copy_from_slice(&total_length.to_be_bytes());
    frame[23] = 50;
    frame[26..34].copy_from_slice(&[198, 51, 100, 7, 203, 0, 113, 9]);
    frame
}

fn capture(frames: &[(&[u8], usize)]) -> Vec<u8> {
    let mut file = pcap(Order::Little, MICRO, 1);
    for (data, wire) in frames {
        pcap_packet(&mut file, Order::Little, (1, 0), data, u32::try_from(*wire).unwrap());
    }
    file
}

#[test]
fn what_cannot_be_read_costs_itself_and_is_told() {
    let mut odd = Pcapng::new(Order::Big);
    odd.interface(1, 0, &[]);
    odd.enhanced(3, 1, b"of no interface", 15);
    odd.enhanced(0, 1, &frame(50), 64);
    let whole = capture(&[(&frame(50), 64), (&frame(50), 64)]);
    let Replayed { report, told, .. } =
        replay(&[b"no capture", &whole[..whole.len() - 1], &odd.file, &whole], false);
    assert_eq!(
        told,
        [
            "end: /captures/0.pcap: not a pcap or pcapng capture: it begins neither as pcap nor as \
             pcapng",
            "end: /captures/1.pcap: frame 2, byte 183: the capture is cut off here",
            "frame: /captures/2.pcap: frame 1, byte 48: interface 3 is described nowhere before it",
        ]
    );
    let packets: Vec<&Value> = report["captures"].as_array().unwrap().iter().collect();
    let seen: Vec<Value> = packets
        .iter()
        .map(|one| json!([one["file"], one["complete"], one["unreadable"], one["packets"]]))
        .collect();
    assert_eq!(
        json!(seen),
        json!([
            ["/captures/0.pcap", false, 0, 0],
            ["/captures/1.pcap", false, 0, 1],
            ["/captures/2.pcap", false, 1, 1],
            ["/captures/3.pcap", true, 0, 2],
        ])
    );
    assert_eq!((&report["packets"], &report["bytes"]), (&json!(4), &json!(256)));
    assert_eq!(report["outcomes"]["unclassified"], 4);
}

#[test]
fn the_kernel_is_given_what_an_interface_could_deliver() {
    let long = [frame(50), vec![0; LONGEST_FRAME]].concat();
    let largest = &long[..LONGEST_FRAME];
    let file = capture(&[
        (&frame(50), 64),
        (&frame(50)[..40], 64),
        (&frame(0), 64),
        (&long, long.len()),
        (largest, largest.len()),
        (&frame(0)[..20], 20),
        (&frame(60), 64),
    ]);
    let with_kernel = replay(&[&file], true);
    // A wrong length, and a header that is cut short on the wire, are the same for both.
    assert_eq!(with_kernel.given, [64, LONGEST_FRAME, 20, 64]);
    assert_eq!(with_kernel.told, [format!("long: 4 {}", long.len())]);
    let with_host = replay(&[&file], false);
    assert!(with_host.given.is_empty() && with_host.told.is_empty());
    assert_eq!(with_host.report, with_kernel.report);
    let outcomes = &with_host.report["outcomes"];
    assert_eq!((&outcomes["unclassified"], &outcomes["malformed"]), (&json!(5), &json!(2)));
}
