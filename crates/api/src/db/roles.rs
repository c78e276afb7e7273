//! Roles as they are stored: numbers in the order of rank.

use shared::members::Role;

/// The number of a role in the database: a higher role has a lower number.
pub fn role_number(role: Role) -> i16 {
    match role {
        Role::Owner => 0,
        Role::Moderator => 1,
        Role::Member => 2,
        // The server stores no role that it does not know.
        Role::Guest | Role::Unknown => 3,
    }
}

/// The role of a number. A check constraint excludes other numbers.
pub fn role_from_number(number: i16) -> Role {
    match number {
        0 => Role::Owner,
        1 => Role::Moderator,
        2 => Role::Member,
        _ => Role::Guest,
    }
}
