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
mod looks;
mod moderation;
mod newcomer;
mod page;
mod picture;
mod roles;
mod rows;
mod talk;
mod unsent;
mod walk;
