package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The node's own credentials, from a file in the form of Docker's {@code config.json}: {@code
 * credHelpers}, then {@code credsStore}, then {@code auths}.
 *
 * <p>What it has for a host goes to that host alone. A name in {@code auths} may go on with the
 * beginning of a repository, {@code registry.example/team}: the longest one that fits counts. Read
 * anew each time; a file that is not there has nothing. Thread-safe.
 */
final class DockerConfig {
  private static final int MAX_BYTES = 1024 * 1024;

  /** The name under which Docker keeps what is for its own registry. */
  private static final String DOCKER_HUB = "https://index.docker.io/v1/";

  private final Path file;
  private final Map<String, String> environment;
  private final Duration helperLimit;

  /**
   * Nothing is read yet.
   *
   * @param environment of credential helpers
   * @param helperLimit how long one may run
   */
  DockerConfig(Path file, Map<String, String> environment, Duration helperLimit) {
    this.file = file;
    this.environment = environment;
    this.helperLimit = helperLimit;
  }

  /**
   * Returns what is there for a repository; anonymous if nothing is.
   *
   * @param host with an optional port
   * @throws BerthException FAILED_PRECONDITION naming the file, and the helper if one fails
   */
  Credentials credentials(String host, String repository, Operation operation) {
    try {
      JsonObject config = read();
      Optional<Credentials> helped = helped(config, host, operation);
      return helped.orElseGet(() -> auth(config, host, repository));
    } catch (NoSuchFileException e) {
      return Credentials.none();
    } catch (IOException e) {
      throw new BerthException(FAILED_PRECONDITION, "cannot read " + file + ": " + e, e);
    } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
      throw new BerthException(FAILED_PRECONDITION, file + ": not a Docker configuration", e);
    } catch (BerthException e) {
      throw e.during(file.toString());
    }
  }

  private JsonObject read() throws IOException {
    try (var in = Files.newInputStream(file)) {
      byte[] text = in.readNBytes(MAX_BYTES + 1);
      if (text.length > MAX_BYTES) {
        throw new IOException("it is over the bound of " + MAX_BYTES + " bytes");
      }
      return JsonParser.parseString(new String(text, StandardCharsets.UTF_8)).getAsJsonObject();
    }
  }

  private Optional<Credentials> helped(JsonObject config, String host, Operation operation) {
    String server = isDockerHub(host) ? DOCKER_HUB : host;
    for (Map.Entry<String, JsonElement> entry : object(config, "credHelpers").entrySet()) {
      if (sameHost(entry.getKey(), host)) {
        return helper(entry.getValue().getAsString()).get(server, operation);
      }
    }
    String store = text(config, "credsStore");
    return store.isEmpty() ? Optional.empty() : helper(store).get(server, operation);
  }

  private CredentialHelper helper(String name) {
    return new CredentialHelper(name, environment, helperLimit);
  }

  private static Credentials auth(JsonObject config, String host, String repository) {
    JsonObject best = new JsonObject();
    int bestLength = -1;
    for (Map.Entry<String, JsonElement> entry : object(config, "auths").entrySet()) {
      String path = pathOf(entry.getKey());
      boolean fits =
          sameHost(entry.getKey(), host)
              && (path.isEmpty() || (repository + "/").startsWith(path + "/"));
      if (fits && path.length() > bestLength) {
        best = entry.getValue().getAsJsonObject();
        bestLength = path.length();
      }
    }
    return Credentials.of(
        text(best, "username"),
        text(best, "password"),
        text(best, "auth"),
        "",
        text(best, "identitytoken"),
        text(best, "registrytoken"));
  }

  private static boolean sameHost(String name, String host) {
    String named = hostOf(name);
    return named.equalsIgnoreCase(host) || (isDockerHub(named) && isDockerHub(host));
  }

  private static boolean isDockerHub(String host) {
    return host.equals("docker.io")
        || host.equals("index.docker.io")
        || host.equals("registry-1.docker.io");
  }

  private static String hostOf(String name) {
    return withoutScheme(name).split("/", 2)[0];
  }

  /** What follows the host; {@code /v1/} and {@code /v2/} are of the API, not of a repository. */
  private static String pathOf(String name) {
    String rest = withoutScheme(name);
    int slash = rest.indexOf('/');
    String path = slash < 0 ? "" : rest.substring(slash + 1).replaceAll("/+$", "");
    return path.equals("v1") || path.equals("v2") ? "" : path;
  }

  private static String withoutScheme(String name) {
    return name.replaceFirst("^https?://", "");
  }

  private static JsonObject object(JsonObject parent, String field) {
    JsonElement value = parent.get(field);
    return value == null || value.isJsonNull() ? new JsonObject() : value.getAsJsonObject();
  }

  static String text(JsonObject parent, String field) {
    @Nullable JsonElement value = parent.get(field);
    return value == null || value.isJsonNull() ? "" : value.getAsString();
  }
}
