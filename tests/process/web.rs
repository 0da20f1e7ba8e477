//! The page, in a real browser, on a real node.

mod browser;
mod chat;
mod hostile;
mod keyboard;
mod line;
mod page;
mod picture;
