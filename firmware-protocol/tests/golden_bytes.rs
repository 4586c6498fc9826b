//! Promised: bytes written by any version of this protocol 1 are read by every other. Shown by bytes written down
//! once for each message: they must come out, and read back the same. These constants never change; a message that
//! must change is another variant at the end, or another version.

use firmware_protocol::{
    network::{
        Acknowledgement, Answer, Batch, ChunkBuilder, Command, Event, EventKind, GameClock, LivePlayer, LivePuck,
        LiveState, Loss, Record, Role, Side, Stream, Telemetry, Who, Zone, decode, encode,
        event::{Crossing, StoppageReason},
    },
    packet::{self, PACKET_BYTES_MAX},
    serial::{DeviceKind, FaultKind, Message, SerialPacket, TagId},
};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).expect("half a byte");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn check_serial(message: Message, golden: &str) {
    let packet = SerialPacket::new(TagId(1042), 7, 90_000_000, message);
    let mut wire = [0; PACKET_BYTES_MAX];
    let bytes = packet::encode(&packet, &mut wire).expect("there is room");
    assert_eq!(hex(bytes), golden, "{message:?}");
    let mut back = Vec::new();
    packet::Receiver::new().feed(&unhex(golden), |answer| back.push(answer));
    assert_eq!(back, [Ok(packet)]);
}

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T, golden: &str) {
    assert_eq!(hex(&encode(message)), golden, "{message:?}");
    assert_eq!(decode::<T>(&unhex(golden)).as_ref(), Ok(message));
}

#[test]
fn hello() {
    check_serial(
        Message::Hello { device: DeviceKind::PlayerTag, firmware: [1, 4, 2] },
        "09019208078095f52a0108010402c616c24000",
    );
    check_serial(
        Message::Hello { device: DeviceKind::ScoreboardAdapter, firmware: [0, 0, 255] },
        "09019208078095f52a02040106ff31f76d9c00",
    );
}

#[test]
fn time_sync() {
    check_serial(
        Message::TimeSync { gateway_us: 91_234_567, round_trip_us: 840 },
        "14019208078095f52a0187c2c02bc806c4fa160800",
    );
}

#[test]
fn uwb_range() {
    check_serial(
        Message::UwbRange { anchor: 12, range_mm: 23_456, power_dbm: -81 },
        "13019208078095f52a020ca0b701af30222f2900",
    );
}

#[test]
fn uwb_position() {
    check_serial(
        Message::UwbPosition { x_mm: -12_345, y_mm: 6_789, z_mm: 1_100, sigma_mm: 180 },
        "15019208078095f52a03f1c0018a6a9811b401865f02c900",
    );
}

#[test]
fn imu_summary() {
    check_serial(
        Message::ImuSummary {
            interval_ms: 100,
            acceleration_mg: [120, -340, 1_010],
            rotation_ddps: [-50, 0, 1_800],
            peak_mg: 4_200,
            strides: 2,
        },
        "12019208078095f52a0464f001a705e40f630a901ce82002975d4f9900",
    );
}

#[test]
fn heart_rate() {
    check_serial(
        Message::HeartRate { beats_per_minute: 171, interval_ms: 351, contact: true },
        "12019208078095f52a05abdf0201b510ea2600",
    );
}

#[test]
fn battery() {
    check_serial(
        Message::Battery { percent: 87, millivolts: 3_912, temperature_dc: -35 },
        "12019208078095f52a0657c81e459f01104a00",
    );
}

#[test]
fn puck() {
    check_serial(
        Message::Puck { x_mm: 26_000, y_mm: -310, z_mm: 0, sigma_mm: 90, peak_mg: 65_000 },
        "0f019208078095f52a07a09603eb04095ae8fb03a9c46b9400",
    );
}

#[test]
fn fault() {
    check_serial(
        Message::Fault { fault: FaultKind::BatteryLow, detail: 3_290 },
        "0a019208078095f52a0807da19f75b8a2100",
    );
    check_serial(Message::Fault { fault: FaultKind::WatchdogReset, detail: 3 }, "10019208078095f52a08030375d402fb00");
}

#[test]
fn scoreboard() {
    check_serial(
        Message::Scoreboard {
            period: 2,
            remaining_ms: 754_300,
            running: true,
            home_score: 3,
            away_score: 1,
            home_penalties_s: [0, 0],
            away_penalties_s: [87, 120],
        },
        "11019208078095f52a0902fc842e010301010757786156c26900",
    );
}

const CLOCK: GameClock = GameClock { period: 2, remaining_ms: 754_300, running: true, home_score: 3, away_score: 1 };

fn event(kind: EventKind) -> Event {
    Event {
        game: 2_025_020_001,
        captured_us: 1_790_000_000_123_456,
        uncertainty_us: 1_500,
        clock: CLOCK,
        side: Some(Side::Away),
        number: Some(87),
        position_m: Some([7.5, -3.25]),
        kind,
    }
}

#[test]
fn batch() {
    let batch = |stream| Batch {
        edge: "box-1".into(),
        epoch: 0x0123_4567_89ab_cdef,
        stream,
        first_sequence: 1_000_000,
        records: vec![vec![1, 2, 3], vec![]],
    };
    check(&batch(Stream::Events), "0105626f782d31ef9bafcdf8acd1910100c0843d020301020300");
    check(&batch(Stream::Tracks), "0105626f782d31ef9bafcdf8acd1910101c0843d020301020300");
    check(&batch(Stream::Telemetry), "0105626f782d31ef9bafcdf8acd1910102c0843d020301020300");
}

#[test]
fn acknowledgement() {
    let acknowledgement = |answer| Acknowledgement { epoch: 300, stream: Stream::Tracks, answer };
    check(&acknowledgement(Answer::Kept { next_sequence: 129 }), "01ac0201008101");
    check(&acknowledgement(Answer::Gap { next_sequence: 0 }), "01ac02010100");
    check(&acknowledgement(Answer::Busy { retry_after_ms: 2_000 }), "01ac020102d00f");
    check(
        &acknowledgement(Answer::Refused { reason: "not of this venue".into() }),
        "01ac020103116e6f74206f6620746869732076656e7565",
    );
}

#[test]
fn live_state() {
    let state = LiveState {
        edge: "box-1".into(),
        game: 2_025_020_001,
        tick: 4_711,
        captured_us: 1_790_000_000_123_456,
        clock: CLOCK,
        puck: Some(LivePuck { x_cm: 812, y_cm: -96, z_cm: 3, vx_cms: 2_950, vy_cms: -400 }),
        players: vec![
            LivePlayer {
                entity: 4,
                role: Role::Skater,
                side: Some(Side::Home),
                number: Some(19),
                x_cm: -1_510,
                y_cm: 640,
                vx_cms: 730,
                vy_cms: -15,
                sigma_cm: 9,
            },
            LivePlayer {
                entity: 31,
                role: Role::Official,
                side: None,
                number: None,
                x_cm: 0,
                y_cm: -1,
                vx_cms: 0,
                vy_cms: 0,
                sigma_cm: 255,
            },
        ],
    };
    check(
        &state,
        "0105626f782d31e1b4cdc507e7248089bea2dbffad0602fc842e01030101d80cbf01068c2e9f0602040001000113cb17800ab40b1d091f02000000010000ff",
    );
    check(
        &LiveState { puck: None, players: vec![], ..state },
        "0105626f782d31e1b4cdc507e7248089bea2dbffad0602fc842e0103010000",
    );
}

#[test]
fn command() {
    check(&Command::GameStart { game: 2_025_020_001 }, "0100e1b4cdc507");
    check(&Command::GameStop { game: 2_025_020_001 }, "0101e1b4cdc507");
    check(&Command::Note { text: "hello".into() }, "01020568656c6c6f");
}

#[test]
fn record() {
    let mut builder = ChunkBuilder::new(2_025_020_001, 1_790_000_000_000_000, 20_000);
    let goalie = Who { entity: 2, role: Some(Role::Goalie), side: Some(Side::Home), number: Some(35) };
    for (step, x_cm) in [(0, -2_600), (1, -2_598), (2, -2_599)] {
        builder.place(goalie, step, [x_cm, 12]);
        builder.place(Who::PUCK, step, [x_cm + 900, -12]);
    }
    check(
        &Record::Tracks(builder.finish()),
        "0101e1b4cdc5078080afa2dbffad06a09c0102020101010001230003cf28040103180000000000000003c71a040103170000",
    );
    let captured_us = 1_790_000_000_123_456;
    let telemetry =
        Telemetry { captured_us, name: "cpu_temperature_celsius".into(), subject: String::new(), value: 61.5 };
    check(
        &Record::Telemetry(telemetry),
        "01028089bea2dbffad06176370755f74656d70657261747572655f63656c73697573000000000000c04e40",
    );
    check(
        &Record::Lost(Loss { stream: Stream::Tracks, from: 70, to: 81, reason: "disk full".into() }),
        "0103014651096469736b2066756c6c",
    );
    check(
        &Record::Event(Event { side: None, number: None, position_m: None, ..event(EventKind::PlayStart) }),
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030100000006",
    );
}

#[test]
fn event_kinds() {
    let check = |kind, golden| check(&Record::Event(event(kind)), golden);
    check(
        EventKind::ZoneEntry { crossing: Crossing::Carry },
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c00000",
    );
    check(
        EventKind::ZoneExit { crossing: Crossing::Dump },
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c00102",
    );
    check(
        EventKind::Shot { speed_mps: 38.5, distance_m: 12.25, on_goal: Some(true) },
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c00200001a42000044410101",
    );
    check(EventKind::Goal, "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c003");
    check(
        EventKind::FaceOff { zone: Zone::Offensive },
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c00402",
    );
    check(
        EventKind::Stoppage { reason: StoppageReason::Frozen },
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c00500",
    );
    check(
        EventKind::Stoppage { reason: StoppageReason::Unknown },
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c00506",
    );
    check(EventKind::PlayStart, "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c006");
    check(EventKind::ShiftStart, "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c007");
    check(
        EventKind::ShiftEnd { length_ms: 43_210 },
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c008cad102",
    );
    check(
        EventKind::Pass { receiver: Some(59), length_m: 14.5 },
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c009013b00006841",
    );
    check(
        EventKind::Penalty { length_s: 120 },
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c00a78",
    );
    check(EventKind::PeriodStart, "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c00b");
    check(EventKind::PeriodEnd, "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c00c");
    check(
        EventKind::Note { text: "puck over glass".into() },
        "0100e1b4cdc5078089bea2dbffad06dc0b02fc842e01030101010157010000f040000050c00d0f7075636b206f76657220676c617373",
    );
}
