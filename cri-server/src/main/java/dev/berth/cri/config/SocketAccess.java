package dev.berth.cri.config;

/**
 * Who may open the CRI socket. Only the file's mode and group decide: whoever may, is root on this
 * host.
 *
 * @param mode permission bits of the socket file
 * @param group name or number
 */
public record SocketAccess(int mode, String group) {}
