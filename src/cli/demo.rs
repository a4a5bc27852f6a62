//! `gander demo`: the demo target in the foreground.

use tokio::runtime::Builder;

use super::exit::Exit;
use super::screen::Screen;
use crate::demo::{DemoOptions, serve};

pub(super) fn demo(options: DemoOptions, screen: Screen) -> Exit {
    // One thread is enough to do nothing, and leaves the other processors to who is measured.
    let mut builder = if options.null { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.error(&error);
            return Exit::Bug;
        }
    };
    match runtime.block_on(serve(options, &mut std::io::stdout())) {
        Ok(()) => Exit::Success,
        Err(error) => {
            screen.error(&error);
            Exit::BadInput
        }
    }
}
