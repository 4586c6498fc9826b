//! Promised: whatever comes over a serial line, the receiver neither stops nor makes a packet up, and it hands on
//! every whole packet. Shown by feeding it anything, packets between garbage in pieces of any size, and every packet
//! with each of its bits flipped. proptest prints the seed and the smallest input that breaks a promise.

use firmware_protocol::{
    packet::{PACKET_BYTES_MAX, PacketError, Receiver, encode},
    serial::{DeviceKind, FaultKind, Message, SerialPacket, TagId},
};
use proptest::{collection::vec, prelude::*};

fn message() -> impl Strategy<Value = Message> {
    let device = prop_oneof![
        Just(DeviceKind::PlayerTag),
        Just(DeviceKind::PuckTag),
        Just(DeviceKind::Anchor),
        Just(DeviceKind::Gateway),
        Just(DeviceKind::ScoreboardAdapter),
    ];
    let fault = prop_oneof![
        Just(FaultKind::BatteryLow),
        Just(FaultKind::ImuSilent),
        Just(FaultKind::AnchorsFew),
        Just(FaultKind::WatchdogReset),
    ];
    prop_oneof![
        (device, any::<[u8; 3]>()).prop_map(|(device, firmware)| Message::Hello { device, firmware }),
        any::<(u64, u32)>().prop_map(|(gateway_us, round_trip_us)| Message::TimeSync { gateway_us, round_trip_us }),
        any::<(u16, u32, i8)>().prop_map(|(anchor, range_mm, power_dbm)| Message::UwbRange {
            anchor,
            range_mm,
            power_dbm
        }),
        any::<(i32, i32, i32, u16)>().prop_map(|(x_mm, y_mm, z_mm, sigma_mm)| Message::UwbPosition {
            x_mm,
            y_mm,
            z_mm,
            sigma_mm
        }),
        any::<(u16, [i16; 3], [i16; 3], u16, u8)>().prop_map(
            |(interval_ms, acceleration_mg, rotation_ddps, peak_mg, strides)| Message::ImuSummary {
                interval_ms,
                acceleration_mg,
                rotation_ddps,
                peak_mg,
                strides
            }
        ),
        any::<(u8, u16, bool)>().prop_map(|(beats_per_minute, interval_ms, contact)| Message::HeartRate {
            beats_per_minute,
            interval_ms,
            contact
        }),
        any::<(u8, u16, i16)>().prop_map(|(percent, millivolts, temperature_dc)| Message::Battery {
            percent,
            millivolts,
            temperature_dc
        }),
        any::<(i32, i32, i32, u16, u16)>().prop_map(|(x_mm, y_mm, z_mm, sigma_mm, peak_mg)| Message::Puck {
            x_mm,
            y_mm,
            z_mm,
            sigma_mm,
            peak_mg
        }),
        (fault, any::<u16>()).prop_map(|(fault, detail)| Message::Fault { fault, detail }),
        any::<(u8, u32, bool, [u8; 2], [u16; 2], [u16; 2])>().prop_map(
            |(period, remaining_ms, running, [home_score, away_score], home_penalties_s, away_penalties_s)| {
                Message::Scoreboard {
                    period,
                    remaining_ms,
                    running,
                    home_score,
                    away_score,
                    home_penalties_s,
                    away_penalties_s,
                }
            }
        ),
    ]
}

fn packet() -> impl Strategy<Value = SerialPacket> {
    (any::<u32>(), any::<u16>(), any::<u64>(), message())
        .prop_map(|(tag, sequence, device_us, message)| SerialPacket::new(TagId(tag), sequence, device_us, message))
}

fn wire(packet: &SerialPacket) -> Vec<u8> {
    encode(packet, &mut [0; PACKET_BYTES_MAX]).expect("there is room").to_vec()
}

fn received(bytes: &[u8], piece_bytes: usize) -> Vec<Result<SerialPacket, PacketError>> {
    let mut receiver = Receiver::new();
    let mut answers = Vec::new();
    bytes.chunks(piece_bytes).for_each(|piece| receiver.feed(piece, |answer| answers.push(answer)));
    answers
}

fn packets(answers: Vec<Result<SerialPacket, PacketError>>) -> Vec<SerialPacket> {
    answers.into_iter().filter_map(Result::ok).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_no_reason_to_stop(bytes in vec(any::<u8>(), 0..2_000), piece_bytes in 1usize..100) {
        prop_assert_eq!(packets(received(&bytes, piece_bytes)), []);
    }

    #[test]
    fn bytes_that_look_like_packets_neither(bytes in vec(prop_oneof![Just(0u8), Just(1), 0u8..9, Just(255)], 0..500)) {
        prop_assert_eq!(packets(received(&bytes, 64)), []);
    }

    #[test]
    fn packets_come_through_garbage(
        parts in vec((vec(any::<u8>(), 0..150), packet()), 1..20),
        piece_bytes in 1usize..200,
    ) {
        let mut bytes = Vec::new();
        for (garbage, packet) in &parts {
            bytes.extend(garbage);
            // The zero that ends garbage; without one, garbage and the packet after it are one stretch.
            bytes.push(0);
            bytes.extend(wire(packet));
        }
        let sent: Vec<_> = parts.into_iter().map(|(_, packet)| packet).collect();
        prop_assert_eq!(packets(received(&bytes, piece_bytes)), sent);
    }

    #[test]
    fn garbage_without_an_end_costs_one_packet(garbage in vec(1u8.., 1..200), first in packet(), second in packet()) {
        let bytes = [garbage, wire(&first), wire(&second)].concat();
        prop_assert_eq!(packets(received(&bytes, 7)), [second]);
    }

    #[test]
    fn a_flipped_bit_never_makes_a_packet(first in packet(), second in packet()) {
        let whole = [wire(&first), wire(&second)].concat();
        for bit in 0..wire(&first).len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let survivors = packets(received(&bytes, 1_000));
            // A flip in the closing zero joins both, so the second may be gone too.
            let closing = bit / 8 == wire(&first).len() - 1;
            prop_assert!(survivors == [second] || closing && survivors.is_empty(), "bit {}: {:?}", bit, survivors);
        }
    }

    #[test]
    fn a_cut_packet_is_no_packet(packet in packet(), keep in 0usize..PACKET_BYTES_MAX) {
        let mut bytes = wire(&packet);
        bytes.truncate(keep.min(bytes.len() - 2));
        bytes.push(0);
        prop_assert_eq!(packets(received(&bytes, 1_000)), []);
    }
}
