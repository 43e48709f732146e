// SPDX-License-Identifier: Apache-2.0

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.xml.sax.SAXException;

/** The orders: a file of properties each, a journal of what changed, and titles in memory. */
class Orders {
	/** What expressions see. */
	public record Order(int id, String customer, String item, int amount) {
	}

	private final Path directory;
	private final FileChannel journal;
	private final AtomicInteger last = new AtomicInteger();
	final Map<Integer, Order> known = new ConcurrentSkipListMap<>();

	Orders(Path data) throws IOException {
		directory = data.resolve("orders");
		Files.createDirectories(directory);
		journal = FileChannel.open(data.resolve("journal"), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
		try (var files = Files.newDirectoryStream(directory, "*.properties")) {
			for (Path file : files) {
				int id = Integer.parseInt(file.getFileName().toString().replace(".properties", ""));
				known.put(id, read(id));
				last.accumulateAndGet(id, Math::max);
			}
		}
	}

	private Path path(int id) {
		return directory.resolve(id + ".properties");
	}

	Order read(int id) throws IOException {
		var p = new Properties();
		try (var in = Files.newBufferedReader(path(id))) {
			p.load(in);
		}
		return new Order(id, p.getProperty("customer", ""), p.getProperty("item", ""),
			Integer.parseInt(p.getProperty("amount", "0")));
	}

	/** Writes the order beside and renames it. An id of 0: a new one. */
	Order write(int id, String customer, String item, int amount) throws IOException {
		var order = new Order(id == 0 ? last.incrementAndGet() : id, customer, item, amount);
		var p = new Properties();
		p.setProperty("customer", customer);
		p.setProperty("item", item);
		p.setProperty("amount", Integer.toString(amount));
		var text = new StringWriter();
		p.store(text, null);
		Path temporary = Files.createTempFile(directory, "order", ".tmp");
		Files.writeString(temporary, text.toString());
		Files.move(temporary, path(order.id()), StandardCopyOption.ATOMIC_MOVE);
		known.put(order.id(), order);
		journal("write " + order);
		return order;
	}

	void remove(int id) throws IOException {
		Files.deleteIfExists(path(id));
		known.remove(id);
		journal("remove " + id);
	}

	private synchronized void journal(String what) throws IOException {
		journal.write(ByteBuffer.wrap((Instant.now() + " " + what + "\n").getBytes(StandardCharsets.UTF_8)));
		journal.force(false);
	}

	/** Orders of a document: <orders><order customer= amount=>item</order>…</orders>. Trusts its entities. */
	List<Order> importXml(byte[] document) throws IOException {
		List<Order> made = new ArrayList<>();
		try {
			var elements = DocumentBuilderFactory.newInstance().newDocumentBuilder()
				.parse(new ByteArrayInputStream(document)).getElementsByTagName("order");
			for (int i = 0; i < elements.getLength(); i++) {
				var e = (Element) elements.item(i);
				made.add(write(0, e.getAttribute("customer"), e.getTextContent(),
					Integer.parseInt("0" + e.getAttribute("amount"))));
			}
		} catch (ParserConfigurationException | SAXException e) {
			throw new IOException(e.getMessage(), e);
		}
		return made;
	}
}
