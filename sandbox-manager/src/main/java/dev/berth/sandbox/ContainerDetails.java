package dev.berth.sandbox;

import dev.berth.runtime.spec.RuntimeSpec;
import java.util.Optional;

/**
 * What tools are told of a container beside its state.
 *
 * @param runtimeType see {@link RuntimeHandler#type}; empty if its handler is configured no more
 * @param runtimeSpec what it was made from; empty if its bundle is gone
 * @param isBeingRemoved whether somebody is at it
 */
public record ContainerDetails(
    ContainerStatus status,
    String runtimeType,
    Optional<RuntimeSpec> runtimeSpec,
    boolean isBeingRemoved) {}
