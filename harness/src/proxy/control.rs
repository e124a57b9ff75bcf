//! A proxy's faults, as they are switched over HTTP.

use super::{Handle, SwitchError};
use crate::control::{Refused, Switchable};
use serde_json::{Value, json};
use spanproof_scenarios::scenario::LinkSwitch;

impl Switchable for Handle {
    fn state(&self) -> Value {
        json!(Handle::state(self))
    }

    fn fault(&self, name: &str) -> Option<Value> {
        Handle::state(self).fault(name).map(|fault| json!(fault))
    }

    fn switch_on(&self, name: &str, text: &str) -> Result<(), Refused> {
        let switch = LinkSwitch::read("body", text).map_err(Refused::Wrong)?.named(name).ok_or(Refused::Name)?;
        Handle::switch_on(self, switch).map_err(|error| match error {
            SwitchError::TooMany => Refused::TooMany(error.to_string()),
            SwitchError::Door(_) => Refused::Failed(error.to_string()),
        })
    }

    fn switch_off(&self, name: &str) -> Result<(), String> {
        Handle::switch_off(self, name).map(drop).map_err(|error| error.to_string())
    }

    fn switch_all_off(&self) -> Result<(), String> {
        Handle::switch_all_off(self).map_err(|error| error.to_string())
    }
}
