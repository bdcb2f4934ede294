//! Ordinary programs on ordinary servers, with the defaults of both layers, on the paused clock.

mod api;
mod idle;
mod noise;
mod quotas;
mod speed;
