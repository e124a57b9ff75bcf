//! Placing an order: the widest operation of the shop, and the consumers of the message it ends with.

use super::backend::{
    charge, confirm_by_email, convert, country, currency_code, empty_cart, get_cart, get_product, products, ship_order,
    shipping_quote,
};
use super::calls::{grpc, sql};
use super::{Operation, Protocol};
use crate::model::{Attribute, SpanKind, Value};
use crate::workload::shop::attributes::{self, Query};
use crate::workload::shop::edges;
use crate::workload::shop::rng::Dice;
use crate::workload::shop::services::{SelfTime, Service};

/// The order's number: other digits for each span.
pub(super) fn order_id() -> Value {
    Value::Digits { prefix: "ord-".to_owned(), digits: 12, suffix: "-web".to_owned() }
}

/// `PlaceOrder` for a cart of `items` products.
pub(super) fn place_order(dice: &mut Dice, caller: Service, items: usize) -> Operation {
    grpc(dice, caller, Service::Checkout, "shop.CheckoutService/PlaceOrder", |dice, server| {
        server.note("app.user.currency", currency_code(dice));
        server.call(prepare(dice, items));
        let noted = dice.sometimes(0.5, edges::assortment).unwrap_or_default();
        server.event("prepared", noted);
        server.call(charge(dice, Service::Checkout));
        server.event("charged", vec![Attribute::new("app.payment.provider", "cardhouse")]);
        server.call(ship_order(dice, Service::Checkout));
        server.event("shipped", vec![Attribute::new("app.shipping.carrier", dice.pick(&["parcel", "courier"]))]);
        server.call(empty_cart(dice, Service::Checkout));
        server.call(confirm_by_email(dice, Service::Checkout));
        server.call(send_order(dice, items));
        server.note("app.order.id", order_id());
        server.note("app.order.amount", Value::Uniform { low: 5.0, high: 2_500.0 });
        server.note("app.order.items.count", items as i64);
        server.note("app.order.summary", summary(dice, items));
    })
}

fn prepare(dice: &mut Dice, items: usize) -> Operation {
    let mut prepare = Operation::internal(Service::Checkout, "prepareOrderItemsAndShippingQuoteFromCart");
    prepare.call(get_cart(dice, Service::Checkout));
    for _ in 0..items {
        prepare.call(get_product(dice, Service::Checkout));
        prepare.call(convert(dice, Service::Checkout));
    }
    prepare.call(shipping_quote(dice, Service::Checkout));
    prepare.note("app.cart.items.count", items as i64);
    prepare
}

/// What the order holds, as one nested attribute.
fn summary(dice: &mut Dice, items: usize) -> Value {
    let address = vec![Attribute::new("country", country(dice)), Attribute::new("express", dice.chance(0.2))];
    Value::Map(vec![
        Attribute { key: "products".to_owned(), value: products(dice, items) },
        Attribute::new("lines", items as i64),
        Attribute::new("discount", dice.pick(&[0.0, 0.05, 0.1])),
        Attribute { key: "delivery".to_owned(), value: Value::Map(address) },
    ])
}

fn send_order(dice: &mut Dice, items: usize) -> Operation {
    let mut send = Operation::new(Service::Checkout, SpanKind::Producer, Protocol::Kafka, "send orders");
    send.attributes = attributes::kafka_send(dice);
    send.self_time = SelfTime::new(1.0, 0.6);
    send.failure = 0.000_5;
    send.consumers = vec![account(dice, items), detect_fraud(dice)];
    send
}

fn consumer(dice: &mut Dice, service: Service) -> Operation {
    let facts = service.facts();
    Operation {
        attributes: attributes::kafka_process(dice, facts),
        self_time: facts.self_time,
        failure: facts.failure,
        ..Operation::new(service, SpanKind::Consumer, Protocol::Kafka, "process orders")
    }
}

fn account(dice: &mut Dice, items: usize) -> Operation {
    let mut consumer = consumer(dice, Service::Accounting);
    consumer.note("app.order.id", order_id());
    consumer.call(insert(dice, "order", "INSERT INTO \"order\" (order_id) VALUES ($1)"));
    for _ in 0..items {
        consumer.call(insert(
            dice,
            "orderitem",
            "INSERT INTO orderitem (item_cost_currency_code, item_cost_units, item_cost_nanos, product_id, quantity, order_id) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        ));
    }
    consumer
}

fn insert(dice: &mut Dice, table: &'static str, text: &'static str) -> Operation {
    sql(dice, Service::Accounting, &Query { operation: "INSERT", table, text, database: "accounting" })
}

fn detect_fraud(dice: &mut Dice) -> Operation {
    let mut consumer = consumer(dice, Service::FraudDetection);
    consumer.note("app.order.amount", Value::Uniform { low: 5.0, high: 2_500.0 });
    consumer.note("app.fraud.score", dice.uniform(0.0, 1.0));
    consumer.note("app.fraud.suspicious", false);
    consumer
}
