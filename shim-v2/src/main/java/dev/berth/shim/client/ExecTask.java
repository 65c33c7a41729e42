package dev.berth.shim.client;

import com.google.protobuf.ByteString;

/**
 * A further process of a running container.
 *
 * @param processJson an OCI {@code process} object
 */
public record ExecTask(TaskProcess process, TaskIo io, ByteString processJson) {}
