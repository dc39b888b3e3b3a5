//! Client for Kling.
