//! The page, in a real browser, on a real node.

mod browser;
mod chat;
mod documents;
mod hostile;
mod keyboard;
mod line;
mod link;
mod page;
mod picture;
