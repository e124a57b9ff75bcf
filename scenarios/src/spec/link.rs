//! What may be wrong with the way between two peers, as it is written: behind `fault:`, of `spanproof proxy` too.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use super::bare_names::allow_bare;
use super::{Http2Error, NoSettings};
use crate::units::{ByteSize, Count, HumanDuration, Ppb};

/// A fault of a proxy, to be switched on.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkSwitchSpec {
    /// Names it: lowercase letters, digits and dashes. Default: what happens, with dashes.
    pub name: Option<String>,
    /// Which share of the connections it touches, drawn by the seed. Default: 100%.
    pub share: Option<Ppb>,
    /// What happens.
    #[schemars(required)]
    pub fault: Option<LinkFaultSpec>,
}

/// Which of the two streams of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From who has connected to whom it has connected to: requests.
    Upstream,
    /// Back: answers.
    Downstream,
    /// Both, each on its own.
    #[default]
    Both,
}

/// What happens on the way.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = bare_faults)]
pub enum LinkFaultSpec {
    /// Nobody listens: connections are refused, and those that there are reset.
    Refuse(NoSettings),
    /// Connections are reset, with a TCP RST to both ends.
    Reset(CutSpec),
    /// Connections are taken and nothing gets through, not even their end. Afterwards what is left goes on.
    BlackHole(NoSettings),
    /// Nothing gets through in one direction. Afterwards it goes on.
    Stall(StallSpec),
    /// Everything comes later.
    Latency(LatencySpec),
    /// So much gets through in a second, over all connections.
    Bandwidth(BandwidthSpec),
    /// One direction is ended with a TCP FIN and the other goes on; what still comes for it is thrown away.
    HalfClose(CutSpec),
    /// Connections are closed in good order, in the middle of whatever they carry.
    Truncate(CutSpec),
    /// The end of a connection is passed on late.
    SlowClose(SlowCloseSpec),
    /// Bits are flipped.
    Corrupt(CorruptSpec),
    /// HTTP/2: the upstream seems to end the connection with GOAWAY.
    Goaway(GoawaySpec),
    /// HTTP/2: the upstream seems to reset every new stream, which it has taken nothing of, with RST_STREAM.
    ResetStream(ResetStreamSpec),
    /// HTTP/2: the upstream seems to allow so many streams at once; afterwards as many as it does allow.
    MaxStreams(MaxStreamsSpec),
    /// HTTP/2: the client is not told that it may send more, since WINDOW_UPDATE is withheld; afterwards it is.
    WindowStall(NoSettings),
    /// HTTP/2: the upstream seems to send SETTINGS that change nothing, again and again.
    SettingsFlood(FloodSpec),
    /// HTTP/2: the upstream seems to send PING again and again.
    PingFlood(FloodSpec),
}

fn bare_faults(schema: &mut Schema) {
    allow_bare(schema, &["refuse", "reset", "black_hole", "truncate", "goaway", "reset_stream", "window_stall"]);
}

/// Settings of `reset`, `half_close` and `truncate`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CutSpec {
    /// After so many bytes have got through since it began, on each connection. Default: at once.
    pub after: Option<ByteSize>,
    /// In which direction they are counted, and which `half_close` ends. Default: both, each on its own.
    pub direction: Option<Direction>,
}

/// Settings of `stall`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StallSpec {
    /// In which direction.
    #[schemars(required)]
    pub direction: Option<Direction>,
}

/// Settings of `latency`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencySpec {
    /// How much later.
    #[schemars(required)]
    pub by: Option<HumanDuration>,
    /// So much more or less, drawn by the seed for each piece; their order stays. Default: 0s.
    pub jitter: Option<HumanDuration>,
    /// In which direction. Default: both, each by this much.
    pub direction: Option<Direction>,
}

/// Settings of `bandwidth`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BandwidthSpec {
    /// How much.
    #[schemars(required)]
    pub per_second: Option<ByteSize>,
    /// In which direction. Default: both, each so much.
    pub direction: Option<Direction>,
}

/// Settings of `slow_close`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowCloseSpec {
    /// How late.
    #[schemars(required)]
    pub by: Option<HumanDuration>,
    /// In which direction. Default: both.
    pub direction: Option<Direction>,
}

/// Settings of `corrupt`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorruptSpec {
    /// One bit in so many bytes, at a place that the seed draws.
    #[schemars(required)]
    pub one_in: Option<ByteSize>,
    /// In which direction. Default: both.
    pub direction: Option<Direction>,
}

/// Settings of `goaway`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoawaySpec {
    /// With which error. Default: NO_ERROR.
    pub error: Option<Http2Error>,
    /// Whether the connection is closed at once, with all that is under way on it; else requests are answered that are. Default: false.
    pub abrupt: Option<bool>,
}

/// Settings of `reset_stream`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetStreamSpec {
    /// With which error, of which a client learns whether it may send again. Default: CANCEL.
    pub error: Option<Http2Error>,
}

/// Settings of `max_streams`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaxStreamsSpec {
    /// How many; none at all is possible.
    #[schemars(required)]
    pub streams: Option<Count>,
}

/// Settings of `settings_flood` and `ping_flood`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FloodSpec {
    /// How many in a second, on each connection.
    #[schemars(required)]
    pub per_second: Option<Count>,
}
