//! What was seen in a trial, one thing after the other, and what each amounts to.

/// What something that was seen amounts to, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// As expected.
    Holds,
    /// The target did not do that of which the requirement speaks, so nothing was tried.
    Unprovoked,
    /// Something to know: an option that was taken, a value, an answer that is tolerated.
    Told,
    /// Worse than it should be, whatever the level of the requirement.
    Weak,
    /// The requirement is broken.
    Broken,
    /// Telemetry was taken and is gone without a word.
    Lost,
}

/// What was expected and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    expected: String,
    seen: Vec<(How, String)>,
}

impl Judged {
    /// Nothing seen yet.
    pub fn expecting(expected: impl Into<String>) -> Self {
        Self { expected: expected.into(), seen: Vec::new() }
    }

    /// Notes something.
    pub fn saw(&mut self, how: How, what: impl Into<String>) {
        self.seen.push((how, what.into()));
    }

    /// Notes something that is as expected, or breaks the requirement.
    pub fn asks(&mut self, holds: bool, what: impl Into<String>) {
        self.saw(if holds { How::Holds } else { How::Broken }, what);
    }

    /// What was expected.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// The worst of all that was seen. Nothing at all is nothing tried.
    pub fn worst(&self) -> How {
        let is_held = self.seen.iter().any(|(how, _)| *how == How::Holds);
        let worst = self.seen.iter().map(|(how, _)| *how).max().unwrap_or(How::Unprovoked);
        // What was not provoked in one exchange was in another.
        if worst == How::Unprovoked && is_held { How::Holds } else { worst }
    }

    /// What was seen, in words: all that is as bad as the worst or at least told, else all of it.
    pub fn actual(&self) -> Vec<String> {
        let worst = self.worst();
        let loud = |how: How| how >= How::Told || worst < How::Told;
        let mut words: Vec<String> = Vec::new();
        for (_, what) in self.seen.iter().filter(|(how, _)| loud(*how)) {
            if !words.contains(what) {
                words.push(what.clone());
            }
        }
        if words.is_empty() { vec!["nothing was provoked".to_owned()] } else { words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_only_what_matters_is_told() {
        let mut judged = Judged::expecting("status 200");
        assert_eq!(judged.worst(), How::Unprovoked);
        judged.saw(How::Unprovoked, "no partial success");
        judged.asks(true, "status 200");
        assert_eq!((judged.worst(), judged.actual().len()), (How::Holds, 2));
        judged.saw(How::Told, "slow");
        judged.asks(false, "status 204");
        judged.asks(false, "status 204");
        assert_eq!((judged.worst(), judged.actual()), (How::Broken, vec!["slow".to_owned(), "status 204".to_owned()]));
        assert!(How::Lost > How::Broken);
    }
}
