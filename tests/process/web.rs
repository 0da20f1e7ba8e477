//! The page, in a real browser, on a real node.

mod axe;
mod browser;
mod budget;
mod chat;
mod documents;
mod heap;
mod hostile;
mod input;
mod keyboard;
mod leaving;
mod line;
mod link;
mod long;
mod page;
mod picture;
mod talk;
mod unsent;
mod walk;
