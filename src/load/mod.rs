//! L2: the load: users, recorder, the stop.
