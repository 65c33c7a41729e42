package dev.berth.shim.ttrpc;

import dev.berth.base.Operation;

/**
 * What a server's method knows about the call it answers.
 *
 * @param metadata what the caller sent beside the request
 * @param operation carries the caller's deadline and trace; it is cancelled when the caller's
 *     connection ends before the answer
 */
public record TtrpcCall(Metadata metadata, Operation operation) {}
