package dev.berth.image.registry;

/**
 * How one host of a registry is reached and what it answers.
 *
 * @param url that requests begin with
 * @param capabilities what it may be asked, in lower case, with commas
 * @param tls how it proves who it is
 * @param authentication what is sent to prove who we are, and what it asked for
 * @param answer to a HEAD of the manifest: a status, or why there is none
 */
public record HostReport(
    String url, String capabilities, String tls, String authentication, String answer) {}
