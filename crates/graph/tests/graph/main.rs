//! The graph against a naive model, against cases made by hand, and at size.

mod cases;
mod naive;
mod properties;
mod size;
mod support;
