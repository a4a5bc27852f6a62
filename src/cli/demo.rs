//! `gander demo`: the demo target in the foreground.

use super::exit::Exit;
use super::screen::Screen;
use crate::demo::{DemoOptions, serve};

pub(super) fn demo(options: DemoOptions, screen: Screen) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
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
