package dev.berth.sandbox.cni;

/**
 * What tells an attachment to a network from others.
 *
 * @param containerId the sandbox's id, or whatever another runtime calls its own
 * @param ifName name of the interface inside it
 */
public record AttachmentId(String containerId, String ifName) {}
