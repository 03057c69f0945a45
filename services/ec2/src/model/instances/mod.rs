//! Instances: their states, what may be done in which, and what they are shown as.

mod devices;
mod filter;
mod options;
mod shown;
pub mod wish;

use ec2_api::{InstanceState, InstanceStateChange, InstanceStateName};
use serde::{Deserialize, Serialize};

pub use devices::{DataDevice, Devices, merge as merge_devices};
pub use filter::{FILTERS, value};
pub use options::{
    Defaults, changed as changed_metadata_options, check_metadata_tags, cpu_options, metadata_options,
    user_data,
};
pub use shown::{complete, with_interfaces};

/// The state of an instance ("Amazon EC2 instance state changes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl State {
    pub const fn code(self) -> i32 {
        match self {
            State::Pending => 0,
            State::Running => 16,
            State::ShuttingDown => 32,
            State::Terminated => 48,
            State::Stopping => 64,
            State::Stopped => 80,
        }
    }

    pub const fn name(self) -> InstanceStateName {
        match self {
            State::Pending => InstanceStateName::Pending,
            State::Running => InstanceStateName::Running,
            State::ShuttingDown => InstanceStateName::ShuttingDown,
            State::Terminated => InstanceStateName::Terminated,
            State::Stopping => InstanceStateName::Stopping,
            State::Stopped => InstanceStateName::Stopped,
        }
    }

    pub fn shown(self) -> InstanceState {
        InstanceState { code: Some(self.code()), name: Some(self.name()) }
    }

    /// Whether it is on its way out or gone.
    pub const fn is_over(self) -> bool {
        matches!(self, State::ShuttingDown | State::Terminated)
    }
}

/// What Start, Stop and Terminate answer for one instance.
pub fn change(id: &str, previous: State, current: State) -> InstanceStateChange {
    InstanceStateChange {
        instance_id: Some(id.to_owned()),
        current_state: Some(current.shown()),
        previous_state: Some(previous.shown()),
    }
}
