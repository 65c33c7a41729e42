package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * How one pull proves who it is to a registry.
 *
 * <p>Secrets never appear in {@link Object#toString}, and so in no log or error.
 */
public sealed interface Credentials {
  /** Anonymous access. */
  record Anonymous() implements Credentials {}

  /** A user name and password, for basic authentication or for a token server. */
  record Basic(String username, String password) implements Credentials {
    @Override
    public String toString() {
      return "Basic[" + username + "]";
    }
  }

  /** An identity (refresh) token, which a token server takes in place of a password. */
  record IdentityToken(String token) implements Credentials {
    @Override
    public String toString() {
      return "IdentityToken";
    }
  }

  /** A bearer token that goes to the registry as it is. */
  record RegistryToken(String token) implements Credentials {
    @Override
    public String toString() {
      return "RegistryToken";
    }
  }

  /** Credentials for one server only. */
  record ForServer(String serverAddress, Credentials credentials) implements Credentials {}

  /** Returns no credentials. */
  static Credentials none() {
    return new Anonymous();
  }

  /** Returns a user name and password. */
  static Credentials basic(String username, String password) {
    return new Basic(username, password);
  }

  /**
   * Reads the fields of a CRI {@code AuthConfig}; an empty field is an absent one. The first of
   * user name and password, identity token, {@code auth}, registry token that is there counts. With
   * a server address they are used for that host only.
   *
   * @param auth base64 of {@code user:password}
   * @throws BerthException INVALID_ARGUMENT if {@code auth} is not that
   */
  static Credentials of(
      String username,
      String password,
      String auth,
      String serverAddress,
      String identityToken,
      String registryToken) {
    Credentials found = first(username, password, auth, identityToken, registryToken);
    return serverAddress.isEmpty() || found instanceof Anonymous
        ? found
        : new ForServer(serverAddress, found);
  }

  private static Credentials first(
      String username, String password, String auth, String identityToken, String registryToken) {
    if (!username.isEmpty()) {
      return new Basic(username, password);
    }
    if (!identityToken.isEmpty()) {
      return new IdentityToken(identityToken);
    }
    if (!auth.isEmpty()) {
      return decode(auth);
    }
    return registryToken.isEmpty() ? none() : new RegistryToken(registryToken);
  }

  private static Credentials decode(String auth) {
    try {
      String text = new String(Base64.getDecoder().decode(auth), StandardCharsets.UTF_8);
      int colon = text.indexOf(':');
      if (colon > 0) {
        // Docker pads some of them with NULs.
        return new Basic(text.substring(0, colon), text.substring(colon + 1).replace("\0", ""));
      }
    } catch (IllegalArgumentException e) {
      throw new BerthException(INVALID_ARGUMENT, "auth.auth is not base64", e);
    }
    throw new BerthException(INVALID_ARGUMENT, "auth.auth is not user:password in base64");
  }

  /** Returns what may be sent to {@code host}, a host name with an optional port. */
  default Credentials forHost(String host) {
    if (this instanceof ForServer(var serverAddress, var credentials)) {
      return hostOf(serverAddress).equals(host) ? credentials : none();
    }
    return this;
  }

  private static String hostOf(String serverAddress) {
    String text = serverAddress.replaceFirst("^[a-z]+://", "");
    int slash = text.indexOf('/');
    String host = slash < 0 ? text : text.substring(0, slash);
    return switch (host) {
      case "docker.io", "index.docker.io" -> "registry-1.docker.io";
      default -> host;
    };
  }
}
