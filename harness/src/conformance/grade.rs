//! What something that was seen amounts to at a requirement's level. The level comes from the table, never from a case's mood.

use super::judged::How;
use spanproof_reports::conformance::Verdict;
use spanproof_scenarios::conformance::Level;

/// The verdict.
pub fn grade(level: Level, how: How) -> Verdict {
    match (how, level) {
        (How::Holds, _) => Verdict::Pass,
        (How::Unprovoked, _) => Verdict::Skip,
        (How::Told, _) | (How::Broken, Level::May) => Verdict::Info,
        (How::Weak, _) | (How::Broken, Level::Should) => Verdict::Warn,
        (How::Broken, Level::Must) | (How::Lost, _) => Verdict::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_without_a_word_fails_at_every_level() {
        for level in Level::ALL {
            assert_eq!(grade(level, How::Lost), Verdict::Fail);
            assert_eq!(grade(level, How::Holds), Verdict::Pass);
        }
        let broken = Level::ALL.map(|level| grade(level, How::Broken));
        assert_eq!(broken, [Verdict::Fail, Verdict::Warn, Verdict::Info]);
    }
}
