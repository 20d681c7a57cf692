//! Live readings of the target: sessions, statements and health endpoints. Samplers hold one
//! connection each to the database (and one reserved to cancel with), read only, and back off when
//! the server is slow: monitoring must never hurt the patient.

mod sample;

pub use sample::*;
