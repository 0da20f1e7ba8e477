//! Gives freed memory back to the system.

/// Whether any memory was given back. glibc keeps what is freed in the middle of its arenas until it is asked; other allocators
/// are not asked.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn trim() -> bool {
    unsafe extern "C" {
        fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    // SAFETY: malloc_trim(3) takes a number, touches only what is free, and may be called from any thread.
    unsafe { malloc_trim(0) == 1 }
}

/// Whether any memory was given back.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn trim() -> bool {
    false
}
