//! The graph against a naive model and against cases made by hand.

mod administration;
mod blocks;
mod cases;
mod compare;
mod history;
mod naive;
mod properties;
mod support;
