package dev.berth.sandbox;

import dev.berth.runtime.spec.RuntimeSpec;
import java.util.Optional;

/**
 * What tools are told of a sandbox beside its state.
 *
 * @param pid a process in the sandbox's namespaces: that of a container that runs, since most
 *     sandboxes have none of their own; 0 if there is none
 * @param runtimeType see {@link RuntimeHandler#type}; empty if its handler is configured no more
 * @param runtimeSpec of its own process; empty if it has none
 */
public record SandboxDetails(
    SandboxStatus status, int pid, String runtimeType, Optional<RuntimeSpec> runtimeSpec) {}
