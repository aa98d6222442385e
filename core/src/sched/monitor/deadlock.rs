//! A probable self-deadlock, with both sides: placeholder until stacks are told.

use super::super::shared::Shared;
use super::super::stall::Stall;
use super::super::worker::Worker;

pub(super) fn details(_shared: &Shared, _worker: &Worker, _stall: &Stall) -> String {
    String::new()
}
