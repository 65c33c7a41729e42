package dev.berth.cri.rpc;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import dev.berth.base.BerthException;
import dev.berth.cri.config.SocketAccess;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.UserPrincipalNotFoundException;

/**
 * The file of a listening unix socket.
 *
 * <p>The server binds a name of its own beside the wanted one; when mode and group are right the
 * file is renamed. So nobody can connect before access is restricted, and a socket left over by a
 * killed server is replaced at once. A socket that somebody answers on is never replaced.
 */
final class SocketFile {
  private static final int MODE_MASK = 0170000; // S_IFMT and S_IFSOCK of inode(7)
  private static final int MODE_SOCKET = 0140000;

  private final Path path;
  private final SocketAccess access;

  SocketFile(Path path, SocketAccess access) {
    this.path = path;
    this.access = access;
  }

  /** Returns the path to bind: removed first, should a killed server have left it. */
  Path prepare() throws IOException {
    refuseUnlessReplaceable();
    Path temporary = temporary();
    Files.deleteIfExists(temporary);
    return temporary;
  }

  /** Restricts the bound socket and gives it its name. */
  void publish() throws IOException {
    Path bound = temporary();
    GroupPrincipal group = group();
    Files.getFileAttributeView(bound, PosixFileAttributeView.class).setGroup(group);
    Files.setAttribute(bound, "unix:mode", access.mode());
    Files.move(bound, path, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Removes the socket; what is already gone is no error. */
  void remove() throws IOException {
    Files.deleteIfExists(path);
    Files.deleteIfExists(temporary());
  }

  private Path temporary() {
    return path.resolveSibling("." + path.getFileName() + ".new");
  }

  private void refuseUnlessReplaceable() throws IOException {
    if (!Files.exists(path, NOFOLLOW_LINKS)) {
      return;
    }
    if (!isSocket()) {
      throw new BerthException(
          FAILED_PRECONDITION, "listen: " + path + " exists and is not a socket");
    }
    if (isAnswered()) {
      throw new BerthException(
          FAILED_PRECONDITION, "listen: another process already serves " + path);
    }
  }

  private boolean isSocket() throws IOException {
    int mode = (Integer) Files.getAttribute(path, "unix:mode", NOFOLLOW_LINKS);
    return (mode & MODE_MASK) == MODE_SOCKET;
  }

  private boolean isAnswered() {
    try (var _ = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      return true;
    } catch (IOException e) {
      return false; // refused: the server that made it is gone
    }
  }

  private GroupPrincipal group() throws IOException {
    try {
      return path.getFileSystem()
          .getUserPrincipalLookupService()
          .lookupPrincipalByGroupName(access.group());
    } catch (UserPrincipalNotFoundException e) {
      throw new BerthException(
          INVALID_ARGUMENT, "socket_group: no such group: " + access.group(), e);
    }
  }
}
