//! The W3C `tracestate`, and in it the member `ot` that samplers read and write.
//!
//! There are two readers, since the collector has two: [`TraceState::parse`] follows its `pkg/sampling`, which
//! `probabilistic_sampler` uses, and [`member`] the SDK's, which the policy `trace_state` uses. They differ in what they refuse.

use super::threshold::{Randomness, Threshold};
use std::borrow::Cow;

/// The longest header that samplers read.
const HEADER_MAX: usize = 1_024;

/// Samplers refuse the header from so many members on, empty ones counted, though W3C allows as many.
const SAMPLER_MEMBERS: usize = 32;

/// The most members that the SDK reads, empty ones not counted.
const SDK_MEMBERS_MAX: usize = 32;

/// The longest value of `ot`.
const OT_MAX: usize = 256;

/// A `tracestate` that a sampler refuses to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TraceStateError {
    /// Longer, or with more members, than is allowed.
    #[error("tracestate is too large")]
    Size,
    /// It breaks W3C's syntax, or `ot` OpenTelemetry's.
    #[error("tracestate is malformed")]
    Syntax,
    /// `ot=th` is not 1 to 14 hex digits.
    #[error("tracestate has a malformed threshold")]
    Threshold,
    /// `ot=rv` is not 14 hex digits.
    #[error("tracestate has a malformed randomness")]
    Randomness,
}

/// A value with the text it was read from, which is written again as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Written<'a, T> {
    value: T,
    text: Cow<'a, str>,
}

/// A `tracestate` as samplers see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceState<'a> {
    randomness: Option<Written<'a, Randomness>>,
    threshold: Option<Written<'a, Threshold>>,
    /// What else `ot` holds.
    ot: Vec<(&'a str, &'a str)>,
    /// The other members.
    others: Vec<(&'a str, &'a str)>,
}

impl<'a> TraceState<'a> {
    /// Reads a header; an empty one holds nothing.
    ///
    /// # Errors
    /// See [`TraceStateError`].
    pub fn parse(text: &'a str) -> Result<Self, TraceStateError> {
        let mut state = Self::default();
        if text.len() > HEADER_MAX {
            return Err(TraceStateError::Size);
        }
        let members = || separated(text, ',').map(|member| member.trim_matches([' ', '\t']));
        for member in members().filter(|member| !member.is_empty()) {
            let (key, value) = member.split_once('=').ok_or(TraceStateError::Syntax)?;
            if !(is_key(key, usize::MAX, usize::MAX, usize::MAX) && is_value(value)) {
                return Err(TraceStateError::Syntax);
            }
        }
        if members().count() >= SAMPLER_MEMBERS {
            return Err(TraceStateError::Size);
        }
        for (key, value) in members().filter_map(|member| member.split_once('=')) {
            state.add(key, value)?;
        }
        Ok(state)
    }

    fn add(&mut self, key: &'a str, value: &'a str) -> Result<(), TraceStateError> {
        let within = key.len() <= 256 && key.split_once('@').is_none_or(|(t, s)| t.len() <= 241 && s.len() <= 14);
        if !within {
            return Err(TraceStateError::Size);
        }
        if key == "ot" {
            (self.randomness, self.threshold) = (None, None);
            self.ot.clear();
            self.add_ot(value)
        } else {
            self.others.push((key, value));
            Ok(())
        }
    }

    fn add_ot(&mut self, text: &'a str) -> Result<(), TraceStateError> {
        if text.len() > OT_MAX {
            return Err(TraceStateError::Size);
        }
        for member in text.split(';') {
            let (key, value) = member.split_once(':').ok_or(TraceStateError::Syntax)?;
            if !(is_ot_key(key) && value.bytes().all(is_ot_value_byte)) {
                return Err(TraceStateError::Syntax);
            }
        }
        for (key, value) in text.split(';').filter_map(|member| member.split_once(':')) {
            let text = Cow::Borrowed(value);
            match key {
                "rv" => {
                    let value = Randomness::parse(value).ok_or(TraceStateError::Randomness)?;
                    self.randomness = Some(Written { value, text });
                }
                "th" => {
                    let value = Threshold::parse(value).ok_or(TraceStateError::Threshold)?;
                    self.threshold = Some(Written { value, text });
                }
                _ => self.ot.push((key, value)),
            }
        }
        Ok(())
    }

    /// The value of `ot=rv`.
    pub fn randomness(&self) -> Option<Randomness> {
        self.randomness.as_ref().map(|written| written.value)
    }

    /// The value of `ot=th`.
    pub fn threshold(&self) -> Option<Threshold> {
        self.threshold.as_ref().map(|written| written.value)
    }

    /// Sets `ot=rv`.
    pub fn set_randomness(&mut self, value: Randomness) {
        self.randomness = Some(Written { value, text: Cow::Owned(value.to_string()) });
    }

    /// Removes `ot=th`.
    pub fn clear_threshold(&mut self) {
        self.threshold = None;
    }

    /// Raises `ot=th` to `value`. A threshold is never lowered: what was lost would count too little.
    pub fn raise_threshold(&mut self, value: Threshold) {
        if self.threshold().is_some_and(|threshold| threshold > value) {
            return;
        }
        let text = value.to_string();
        self.threshold = (!text.is_empty()).then_some(Written { value, text: Cow::Owned(text) });
    }

    /// The header: `ot` first, in it `rv` and `th`, and all else as it came.
    pub fn write(&self) -> String {
        let randomness = self.randomness.iter().map(|written| ("rv", &*written.text));
        let threshold = self.threshold.iter().map(|written| ("th", &*written.text));
        let others = self.ot.iter().copied();
        let ot: Vec<_> =
            randomness.chain(threshold).chain(others).map(|(key, value)| format!("{key}:{value}")).collect();
        let ot = (!ot.is_empty()).then(|| format!("ot={}", ot.join(";")));
        let others = self.others.iter().map(|(key, value)| format!("{key}={value}"));
        ot.into_iter().chain(others).collect::<Vec<_>>().join(",")
    }
}

/// The value of a member, read as the SDK reads the header: none where there is no such member or any member is malformed,
/// repeated or one too many.
pub fn member<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for member in separated(text, ',').filter(|member| !member.is_empty()) {
        let (key, value) = member.split_once('=')?;
        let (key, value) = (key.trim_start_matches([' ', '\t']), value.trim_end_matches([' ', '\t']));
        let sound = is_key(key, 256, 241, 14) && is_value(value);
        if !sound || found.iter().any(|(known, _)| *known == key) || found.len() == SDK_MEMBERS_MAX {
            return None;
        }
        found.push((key, value));
    }
    found.into_iter().find(|(known, _)| *known == key).map(|(_, value)| value)
}

/// The parts between separators; an empty text has none, and nothing stands behind a separator at the end.
fn separated(text: &str, separator: char) -> impl Iterator<Item = &str> {
    text.split_terminator(separator)
}

fn is_key(key: &str, simple_max: usize, tenant_max: usize, system_max: usize) -> bool {
    let rest = |text: &str| text.bytes().skip(1).all(is_key_byte);
    let begins = |text: &str, test: fn(u8) -> bool| text.bytes().next().is_some_and(test);
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let letter = |byte: u8| byte.is_ascii_lowercase();
    match key.split_once('@') {
        None => key.len() <= simple_max && begins(key, letter) && rest(key),
        Some((tenant, system)) => {
            let tenant = tenant.len() <= tenant_max && begins(tenant, alphanumeric) && rest(tenant);
            tenant && system.len() <= system_max && begins(system, letter) && rest(system)
        }
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'*' | b'/')
}

fn is_value(value: &str) -> bool {
    let sound = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b',' && byte != b'=';
    let last = value.bytes().last().is_some_and(|byte| byte != b' ');
    last && value.len() <= 256 && value.bytes().all(sound)
}

fn is_ot_key(key: &str) -> bool {
    key.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_ot_value_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}
