/**
 * Dumps the processes of a running container with CRIU.
 *
 * <p>CRIU is a program of the host that is trusted but not relied upon: it runs under a deadline,
 * and what it says is bounded. Its arguments are a pure function ({@link
 * dev.berth.runtime.checkpoint.CriuArguments}) of what was asked for, of config.json, and of what
 * the kernel says about the container ({@link dev.berth.runtime.checkpoint.DumpFacts}). Whatever
 * lies outside of the container is declared external and left for a restore to give again: bind
 * mounts, namespaces that it joined, and files that it was started with.
 */
@NullMarked
package dev.berth.runtime.checkpoint;

import org.jspecify.annotations.NullMarked;
