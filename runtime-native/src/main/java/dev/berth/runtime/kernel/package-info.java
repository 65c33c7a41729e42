/**
 * The only place that calls the kernel: bindings over JNR, one public interface per concern beside
 * the wrapper that checks every result.
 *
 * <p>Nobody outside sees an {@code int} result: wrappers speak {@link dev.berth.runtime.kernel.Fd},
 * paths and durations, and throw {@link dev.berth.runtime.kernel.NativeException} with call,
 * arguments and errno. No wrapper mounts by path string (rule R3): trees are descriptors.
 */
@NullMarked
package dev.berth.runtime.kernel;

import org.jspecify.annotations.NullMarked;
