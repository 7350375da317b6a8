//! What somebody may do. Each role may what those before it may.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do, from little to much. All but the last are roles in one tenant.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees values, states and logs of its tenant, and changes nothing.
    Viewer,
    /// Changes the graph, its external workers and their modules.
    Author,
    /// Says who else may, and keeps the tenant's secrets.
    Owner,
    /// Makes and ends tenants, and grants them what they reach. Of all tenants.
    Operator,
}

impl Role {
    /// All of them, from little to much.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Author, Self::Owner, Self::Operator];

    /// The name, which is stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Author => "author",
            Self::Owner => "owner",
            Self::Operator => "operator",
        }
    }

    /// Whether it may do what takes `needed`.
    pub fn may(self, needed: Self) -> bool {
        self >= needed
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|role| role.name() == name);
        known.ok_or_else(|| "a role is viewer, author, owner or operator".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_may_what_those_before_it_may_and_no_more() {
        for (at, role) in Role::ALL.into_iter().enumerate() {
            for (other, needed) in Role::ALL.into_iter().enumerate() {
                assert_eq!(role.may(needed), at >= other, "{role} {needed}");
            }
            assert_eq!(role.name().parse(), Ok(role));
        }
        "Operator".parse::<Role>().unwrap_err();
    }
}
