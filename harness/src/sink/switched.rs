//! A sink of its own whose faults are switched by hand.

use super::reception::{Reception, Taking, Untold};
use super::switchboard::SinkSwitchboard;
use crate::control::{Refused, Switchable};
use crate::fault::{Breakage, breakage, if_accepted};
use crate::wire::server::{Answered, Backend, Decision, Export};
use serde_json::{Value, json};
use spanproof_scenarios::scenario::SinkSwitch;
use std::sync::Arc;

/// Stands before the reception and does what the faults want that hold.
pub struct SwitchedSink {
    reception: Arc<Reception>,
    board: SinkSwitchboard,
}

impl SwitchedSink {
    /// With no fault.
    pub fn new(reception: Arc<Reception>) -> Self {
        Self { reception, board: SinkSwitchboard::default() }
    }

    /// Its faults.
    pub fn board(&self) -> &SinkSwitchboard {
        &self.board
    }
}

impl Backend for SwitchedSink {
    fn export(&self, export: Export) -> Decision {
        let Some((fault, account)) = self.board.strike(&export) else {
            return self.reception.take(export, Taking::default());
        };
        self.reception.tally().note_arrival(export.received);
        let untold = |answered| Taking { untold: Some(Untold { account, answered }), ..Taking::default() };
        match breakage(fault) {
            Breakage::NotTaken(answer) => answer,
            Breakage::InPart { left_out, answer } => {
                let in_part = Taking { left_out, ..Taking::default() };
                if_accepted(self.reception.take(export, in_part), || answer)
            }
            Breakage::Late(by) => {
                let answered = Answered::default();
                let decision = self.reception.take(export, untold(Some(answered.clone())));
                Decision::Delay(by, Box::new(Decision::Witnessed(answered, Box::new(decision))))
            }
            Breakage::Untold(lost) => if_accepted(self.reception.take(export, untold(None)), || lost),
            Breakage::Ill(answer) => if_accepted(self.reception.take(export, Taking::default()), || answer),
        }
    }
}

impl Switchable for SwitchedSink {
    fn state(&self) -> Value {
        let counts = self.reception.tally().counts();
        json!({
            "schema": "spanproof.sink-state/1",
            "requests": counts.requests,
            "spans": counts.spans,
            "bytes": counts.bytes,
            "faults": self.board.state(),
        })
    }

    fn fault(&self, name: &str) -> Option<Value> {
        self.board.fault(name)
    }

    fn switch_on(&self, name: &str, text: &str) -> Result<(), Refused> {
        let switch = SinkSwitch::read("body", text).map_err(Refused::Wrong)?.named(name).ok_or(Refused::Name)?;
        self.board.switch_on(switch).map_err(|error| Refused::TooMany(error.to_string()))
    }

    fn switch_off(&self, name: &str) -> Result<(), String> {
        self.board.switch_off(|switch| switch.name == name);
        Ok(())
    }

    fn switch_all_off(&self) -> Result<(), String> {
        self.board.switch_off(|_| true);
        Ok(())
    }
}
