//! Votes, and what comes of them.

use super::Reason;

/// Why an answer is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Open {
    /// A rate decides: whether there are tokens left depends on what came before.
    Limited,
    /// Something is not modelled, cannot be read or is not known; the text says what.
    Unknown(String),
}

/// How a policy votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vote {
    /// It wants the trace.
    Sampled,
    /// It does not.
    NotSampled,
    /// It drops the trace, whatever others want.
    Dropped,
    /// What `invert_match` made of a policy before 0.144: keeps unless anybody votes [`Vote::NotSampled`].
    InvertSampled,
    /// Likewise: outweighs every vote but [`Vote::Dropped`].
    InvertNotSampled,
    /// It failed and does not count.
    Error,
    /// The collector panics.
    Panic,
    /// [`Vote::Sampled`], or not.
    MaybeSampled(Open),
    /// [`Vote::Dropped`], or not.
    MaybeDropped(Open),
}

/// How one policy voted.
#[derive(Debug, Clone, PartialEq)]
pub struct Ballot {
    /// The policy's name.
    pub policy: String,
    /// Its type.
    pub kind: String,
    /// Its vote.
    pub vote: Vote,
    /// What it looked at.
    pub reason: Reason,
}

/// What becomes of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept.
    Keep,
    /// It is not.
    Drop,
    /// The collector panics over it.
    Panic,
    /// Either.
    Open(Open),
}

/// What becomes of a trace, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What becomes of it.
    pub outcome: Outcome,
    /// The ballot that decided: the first that wanted the trace, dropped or vetoed it; none where no policy wanted it.
    pub decided_by: Option<usize>,
    /// The ballots cast, in their order. The last one may have ended the vote.
    pub ballots: Vec<Ballot>,
}

/// Yes, no, or open.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    No,
    Open(Open),
    Yes(usize),
}

impl Answer {
    /// Takes note of one more ballot; certainty outweighs what is open, and of what is open the unknown the limited.
    fn note(&mut self, other: Self) {
        match (&self, &other) {
            (Self::Yes(_), _) | (_, Self::No) => {}
            (Self::No, _) | (_, Self::Yes(_)) => *self = other,
            (Self::Open(mine), Self::Open(theirs)) if *mine >= *theirs => {}
            (Self::Open(_), Self::Open(_)) => *self = other,
        }
    }
}

impl Decision {
    /// What comes of these ballots.
    pub(crate) fn of(ballots: Vec<Ballot>) -> Self {
        let (outcome, decided_by) = weigh(&ballots);
        Self { outcome, decided_by, ballots }
    }

    /// Nobody was asked, and the answer is not known.
    pub(crate) fn open(what: &str) -> Self {
        Self { outcome: Outcome::Open(Open::Unknown(what.to_owned())), decided_by: None, ballots: Vec::new() }
    }

    /// Nobody was asked, since the trace is too large.
    pub(crate) fn too_large() -> Self {
        Self { outcome: Outcome::Drop, decided_by: None, ballots: Vec::new() }
    }

    /// The same, but that a trace that would be kept may not be.
    pub(crate) fn unless(mut self, what: &str) -> Self {
        if self.outcome != Outcome::Drop {
            self.outcome = Outcome::Open(Open::Unknown(what.to_owned()));
        }
        self
    }
}

/// A drop goes before an inverted veto, that before a wish, and that before an inverted one that nobody contradicts.
fn weigh(ballots: &[Ballot]) -> (Outcome, Option<usize>) {
    let [mut dropped, mut vetoed, mut wanted, mut inverted, mut unwanted] = [const { Answer::No }; 5];
    for (at, ballot) in ballots.iter().enumerate() {
        match &ballot.vote {
            Vote::Sampled => wanted.note(Answer::Yes(at)),
            Vote::NotSampled => unwanted.note(Answer::Yes(at)),
            Vote::Dropped => dropped.note(Answer::Yes(at)),
            Vote::InvertSampled => inverted.note(Answer::Yes(at)),
            Vote::InvertNotSampled => vetoed.note(Answer::Yes(at)),
            Vote::Error => {}
            Vote::Panic => return (Outcome::Panic, Some(at)),
            Vote::MaybeSampled(open) => {
                wanted.note(Answer::Open(open.clone()));
                unwanted.note(Answer::Open(open.clone()));
            }
            Vote::MaybeDropped(open) => {
                dropped.note(Answer::Open(open.clone()));
                unwanted.note(Answer::Open(open.clone()));
            }
        }
    }
    let inverted = match (inverted, unwanted) {
        (Answer::Yes(at), Answer::No) => Answer::Yes(at),
        (Answer::Yes(_), Answer::Open(open)) => Answer::Open(open),
        _ => Answer::No,
    };
    settle(dropped, vetoed, wanted, inverted)
}

fn settle(dropped: Answer, vetoed: Answer, mut wanted: Answer, inverted: Answer) -> (Outcome, Option<usize>) {
    let open_drop = match dropped {
        Answer::Yes(at) => return (Outcome::Drop, Some(at)),
        Answer::Open(open) => Some(open),
        Answer::No => None,
    };
    if let Answer::Yes(at) = vetoed {
        return (Outcome::Drop, Some(at));
    }
    wanted.note(inverted);
    match (wanted, open_drop) {
        (Answer::No, _) => (Outcome::Drop, None),
        (Answer::Yes(at), None) => (Outcome::Keep, Some(at)),
        (Answer::Yes(at), Some(open)) => (Outcome::Open(open), Some(at)),
        (Answer::Open(open), None) => (Outcome::Open(open), None),
        (Answer::Open(open), Some(other)) => (Outcome::Open(open.max(other)), None),
    }
}
