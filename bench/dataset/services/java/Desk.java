// SPDX-License-Identifier: Apache-2.0

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.logging.FileHandler;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import java.util.zip.CRC32;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;

/**
 * A desk that takes orders, with the classes of the Java runtime alone. Its vulnerabilities are of our making: each
 * is an ordinary function that trusts what it is given (marked "Trusts").
 *
 * <p>usage: Desk CONFIGURATION
 */
public class Desk {
	private static final int BODY_LIMIT = 8 << 20;
	private static final Logger log = Logger.getLogger("desk");

	/** What a request is answered with: a status and a text. */
	private static class Refusal extends RuntimeException {
		private static final long serialVersionUID = 1L;
		final int status;

		Refusal(int status, String text) {
			super(text);
			this.status = status;
		}
	}

	private final Path configurationFile;
	private volatile Properties configuration = new Properties();
	private final Path data;
	private final Orders orders;
	private final Map<String, String> sessions = new ConcurrentHashMap<>(); // token to user
	private final Map<String, Workspace> workspaces = new ConcurrentHashMap<>();
	private final SecureRandom random = new SecureRandom();
	private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

	private Desk(Path configurationFile) throws IOException {
		this.configurationFile = configurationFile;
		readConfiguration();
		data = Path.of(configuration.getProperty("data"));
		Report.directory = data.toString();
		orders = new Orders(data);
		var handler = new FileHandler(configuration.getProperty("log"), 100_000, 4, true);
		handler.setFormatter(new SimpleFormatter());
		log.addHandler(handler);
		log.setUseParentHandlers(false);
	}

	private void readConfiguration() throws IOException {
		var read = new Properties();
		try (var in = Files.newBufferedReader(configurationFile)) {
			read.load(in);
		}
		configuration = read;
	}

	// ---- users ----

	private static String hash(String password, String salt) throws GeneralSecurityException {
		var spec = new PBEKeySpec(password.toCharArray(), salt.getBytes(StandardCharsets.UTF_8), 1000, 256);
		return HexFormat.of().formatHex(SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256").generateSecret(spec)
			.getEncoded());
	}

	private String login(Map<String, String> form) throws IOException, GeneralSecurityException {
		String user = form.getOrDefault("user", "");
		boolean isRight = user.matches("[a-z]+") &&
			hash(form.getOrDefault("password", ""), user).equals(configuration.getProperty("user." + user));
		Files.writeString(data.resolve("auth.log"), Instant.now() + " " + user + " " + isRight + "\n",
			StandardOpenOption.CREATE, StandardOpenOption.APPEND);
		if (!isRight)
			throw new Refusal(403, "wrong name or password");
		var bytes = new byte[16];
		random.nextBytes(bytes);
		String token = HexFormat.of().formatHex(bytes);
		sessions.put(token, user);
		return token;
	}

	private String userOf(HttpExchange e) {
		String cookie = e.getRequestHeaders().getFirst("Cookie");
		String user = cookie == null ? null : sessions.get(cookie.replace("session=", ""));
		if (user == null)
			throw new Refusal(401, "log in first");
		return user;
	}

	private Workspace workspaceOf(String user) {
		return workspaces.computeIfAbsent(user, (name) -> {
			var w = new Workspace();
			w.user = name;
			w.reports.add(new Report("orders", "ls orders | wc -l"));
			w.reports.add(new Report("disk", "du -s ."));
			return w;
		});
	}

	private String takeWorkspace(String user, byte[] bytes) throws IOException {
		Workspace w = Workspace.fromBytes(bytes);
		workspaces.put(user, w);
		var text = new StringBuilder();
		for (Report r : w.reports)
			text.append(r.title).append(": ").append(r.text).append('\n');
		return text.toString();
	}

	// ---- orders ----

	private String listOrders(Map<String, String> query) {
		var text = new StringBuilder("<html><body><h1>Orders</h1><table>\n");
		orders.known.values().stream().filter((o) -> o.item().contains(query.getOrDefault("q", "")))
			.limit(Long.parseLong(configuration.getProperty("page", "50")))
			.forEach((o) -> text.append(String.format("<tr><td>%d<td>%s<td>%s<td>%d%n", o.id(), o.customer(),
				o.item(), o.amount())));
		return text.append("</table></body></html>\n").toString();
	}

	private String writeOrder(int id, Map<String, String> form) throws IOException {
		var order = orders.write(id, form.getOrDefault("customer", ""), form.getOrDefault("item", ""),
			Integer.parseInt(form.getOrDefault("amount", "1")));
		return Integer.toString(order.id());
	}

	private String column(Map<String, String> query) throws IOException {
		var text = new StringBuilder();
		int n = 0;
		for (var order : orders.known.values()) {
			if (n++ == Integer.parseInt(query.getOrDefault("limit", "20")))
				break;
			text.append(Expression.evaluate(query.getOrDefault("expression", ""), Map.of("order", order)))
				.append('\n');
		}
		return text.toString();
	}

	/** The orders as a compressed file, by the usual tool. */
	private String archive() throws IOException {
		Path list = Files.createTempFile("orders", ".csv");
		for (var o : orders.known.values())
			Files.writeString(list, o.id() + "," + o.customer() + "," + o.amount() + "\n", StandardOpenOption.APPEND);
		Report.runCommand("/", "gzip", "-f", list.toString());
		Path archive = Path.of(list + ".gz");
		var crc = new CRC32();
		crc.update(Files.readAllBytes(archive));
		Files.move(archive, data.resolve("archive.gz"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
		return Long.toHexString(crc.getValue());
	}

	// ---- files and plugins ----

	/** Trusts the name. */
	private Path attachment(String name) {
		return Path.of(data + "/attachments/" + name);
	}

	/** Calls a plugin, which is an archive with a class Plugin. Trusts what is in the directory. */
	private String callPlugin(String name, String argument) throws IOException, ReflectiveOperationException {
		if (!name.matches("[a-z]+"))
			throw new Refusal(400, "a plugin's name has small letters");
		Path jar = data.resolve("plugins").resolve(name + ".jar");
		if (!Files.exists(jar))
			throw new Refusal(404, "no such plugin");
		try (var loader = new URLClassLoader(new URL[] {jar.toUri().toURL()})) {
			@SuppressWarnings("unchecked")
			var plugin = (UnaryOperator<String>) loader.loadClass("Plugin").getDeclaredConstructor().newInstance();
			return plugin.apply(argument);
		}
	}

	// ---- the world ----

	/** Trusts the address. */
	private String fetchFeed(String address) throws IOException, InterruptedException {
		var request = HttpRequest.newBuilder(URI.create(address)).timeout(Duration.ofSeconds(10)).build();
		return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
	}

	private void tellPeer(String what) {
		var request = HttpRequest.newBuilder(URI.create(configuration.getProperty("peer")))
			.timeout(Duration.ofSeconds(10)).POST(HttpRequest.BodyPublishers.ofString(what)).build();
		client.sendAsync(request, HttpResponse.BodyHandlers.discarding()).exceptionally((e) -> {
			log.log(Level.WARNING, "the peer was not told: {0}", e.getMessage());
			return null;
		});
	}

	// ---- administration, from the own host alone ----

	private String administer(HttpExchange e, String what) throws IOException {
		if (!e.getRemoteAddress().getAddress().isLoopbackAddress())
			throw new Refusal(403, "only from this host");
		switch (what) {
		case "reload":
			readConfiguration();
			return "read";
		case "heap":
			String file = data.resolve("heap-" + Instant.now().getEpochSecond() + ".hprof").toString();
			ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).dumpHeap(file, true);
			return file;
		default:
			throw new Refusal(404, "heap and reload are here");
		}
	}

	// ---- requests ----

	private static Map<String, String> form(String text) {
		Map<String, String> form = new ConcurrentHashMap<>();
		for (String pair : (text == null ? "" : text).split("&")) {
			int i = pair.indexOf('=');
			if (i > 0)
				form.put(pair.substring(0, i), URLDecoder.decode(pair.substring(i + 1), StandardCharsets.UTF_8));
		}
		return form;
	}

	private static Map<String, String> formOf(HttpExchange e) throws IOException {
		return form(new String(bodyOf(e), StandardCharsets.UTF_8));
	}

	private static byte[] bodyOf(HttpExchange e) throws IOException {
		byte[] body = e.getRequestBody().readNBytes(BODY_LIMIT + 1);
		if (body.length > BODY_LIMIT)
			throw new Refusal(413, "the body is too long");
		return body;
	}

	private byte[] answer(HttpExchange e) throws Exception {
		String[] parts = e.getRequestURI().getPath().split("/", 3);
		String first = parts.length > 1 ? parts[1] : "", rest = parts.length > 2 ? parts[2] : "";
		Map<String, String> query = form(e.getRequestURI().getRawQuery());
		String text;
		switch (e.getRequestMethod() + " /" + first) {
		case "GET /" -> text = listOrders(query);
		case "GET /health" -> text = "ok " + orders.known.size();
		case "POST /login" -> text = login(formOf(e));
		case "GET /me" -> text = userOf(e);
		case "GET /workspace" -> {
			return workspaceOf(userOf(e)).toBytes();
		}
		case "PUT /workspace" -> text = takeWorkspace(userOf(e), bodyOf(e));
		case "GET /orders" -> text = orders.read(Integer.parseInt(rest)).toString();
		case "POST /orders" -> {
			text = writeOrder(0, formOf(e));
			tellPeer("order " + text);
		}
		case "PUT /orders" -> text = writeOrder(Integer.parseInt(rest), formOf(e));
		case "DELETE /orders" -> {
			orders.remove(Integer.parseInt(rest));
			text = "removed";
		}
		case "GET /column" -> text = column(query);
		case "POST /archive" -> text = archive();
		case "POST /import" -> text = orders.importXml(bodyOf(e)).toString();
		case "GET /attachments" -> {
			return Files.readAllBytes(attachment(rest));
		}
		case "PUT /attachments" -> text = Files.write(attachment(rest), bodyOf(e)).toString();
		case "POST /plugins" -> text = callPlugin(rest, new String(bodyOf(e), StandardCharsets.UTF_8));
		case "POST /feed" -> text = fetchFeed(formOf(e).getOrDefault("url", ""));
		case "POST /admin" -> text = administer(e, rest);
		default -> throw new Refusal(404, "nothing is here");
		}
		return text.getBytes(StandardCharsets.UTF_8);
	}

	private void serve(HttpExchange e) {
		int status = 200;
		byte[] body;
		try {
			body = answer(e);
		} catch (Throwable t) {
			status = t instanceof Refusal r ? r.status : t instanceof NoSuchFileException ? 404 : 500;
			body = (t + "\n").getBytes(StandardCharsets.UTF_8);
		}
		log.log(Level.INFO, "{0} {1} {2} {3}", new Object[] {e.getRemoteAddress().getAddress().getHostAddress(),
			e.getRequestMethod(), e.getRequestURI().getPath(), status});
		try (e) {
			e.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
			e.getResponseBody().write(body);
		} catch (IOException x) {
			log.log(Level.FINE, "the client is gone", x);
		}
	}

	/** Now and then: the state of the service in one file, for who watches it. */
	private void writeState() {
		var memory = Runtime.getRuntime();
		try {
			Files.writeString(data.resolve("state"), String.format("orders %d%nsessions %d%nmemory %d%n",
				orders.known.size(), sessions.size(), memory.totalMemory() - memory.freeMemory()));
		} catch (IOException | UncheckedIOException e) {
			log.log(Level.WARNING, "state: {0}", e.getMessage());
		}
	}

	public static void main(String[] arguments) throws IOException {
		if (arguments.length != 1) {
			System.err.println("usage: Desk CONFIGURATION");
			System.exit(2);
		}
		var desk = new Desk(Path.of(arguments[0]));
		int port = Integer.parseInt(desk.configuration.getProperty("port", "8080"));
		var server = HttpServer.create(new InetSocketAddress(port), 64);
		server.createContext("/", desk::serve);
		server.setExecutor(Executors.newFixedThreadPool(8));
		Executors.newSingleThreadScheduledExecutor().scheduleAtFixedRate(desk::writeState, 5, 5, TimeUnit.SECONDS);
		server.start();
		System.out.println("listening on " + port);
	}
}
