// Print each sale once. Needs `npm install` in this folder; takes the broker's URL from RABBITMQ_URL.
import amqp from "amqplib";

const queue = "profits";
const seen = new Set(); // events come at least once: a database table in real life

const connection = await amqp.connect(process.env.RABBITMQ_URL);
const channel = await connection.createChannel();
await channel.assertExchange("orchestrator.events", "topic", { durable: true });
await channel.assertQueue(queue, { durable: true });
await channel.bindQueue(queue, "orchestrator.events", "listing.state.sold");
await channel.prefetch(50);

await channel.consume(queue, (message) => {
  const id = message.properties.messageId;
  if (!seen.has(id)) {
    const event = JSON.parse(message.content);
    console.log(`${event.listing_id} sold, profit ${event.final_profit ?? "not known"}`);
    seen.add(id);
    if (seen.size > 10_000) seen.delete(seen.values().next().value);
  }
  channel.ack(message); // after the work: what we die over comes again
});
