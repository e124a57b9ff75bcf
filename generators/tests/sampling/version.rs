//! The table of what versions and documentation differ in.

use spanproof_generators::sampling::version::{DEVIATIONS, Deviation, Model, Version};

#[test]
fn rows_stand_in_the_order_of_their_deviations() {
    for (at, row) in DEVIATIONS.iter().enumerate() {
        assert_eq!(row.deviation as usize, at, "{row:?}");
        assert_eq!(row.deviation.row(), row);
    }
}

#[test]
fn a_deviation_holds_from_its_first_version_to_its_last() {
    let latency = Deviation::LatencyInclusive;
    assert!(Model::actual(Version { minor: 156 }).has(latency));
    assert!(!Model::actual(Version { minor: 157 }).has(latency));
    assert!(!Model::documented(Version { minor: 156 }).has(latency));
    assert!(!Model::actual(Version { minor: 143 }).has(Deviation::InvertIsNoVeto));
    assert!(Model::actual(Version { minor: 144 }).has(Deviation::InvertIsNoVeto));
    assert!(Model::actual(Version { minor: 158 }).has(Deviation::CompositeUnallocated));
    assert!(!Model::actual(Version { minor: 159 }).has(Deviation::CompositeUnallocated));
    assert!(!Model::actual(Version { minor: 152 }).token_bucket());
    assert!(Model::actual(Version { minor: 153 }).token_bucket());
}

#[test]
fn versions_are_read_in_every_usual_form() {
    for text in ["0.155", "0.155.0", "v0.155.0", "0.155.1-rc.1"] {
        assert_eq!(text.parse(), Ok(Version { minor: 155 }), "{text}");
    }
    for text in ["", "1.0.0", "155", "0.x", "0.155.", "0.155.0.0"] {
        assert!(text.parse::<Version>().is_err(), "{text}");
    }
    assert_eq!(Version::MEASURED.to_string(), "0.155");
}
