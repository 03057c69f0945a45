//! fogbank-queue
