/**
 * Talks to registries: the pull half of the OCI distribution specification, token and basic
 * authentication, and the hosts configuration in containerd's form.
 *
 * <p>Credentials stay with the host they are for (rule R20). Every failure names the registry, the
 * repository, the step and the status.
 */
@NullMarked
package dev.berth.image.registry;

import org.jspecify.annotations.NullMarked;
