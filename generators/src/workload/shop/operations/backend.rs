//! The services behind the storefront, but for checkout.

use super::Operation;
use super::calls::{flag, grpc, http, sql, valkey};
use crate::model::{Attribute, SpanKind, Value};
use crate::workload::shop::attributes::{Query, Request};
use crate::workload::shop::edges;
use crate::workload::shop::rng::Dice;
use crate::workload::shop::services::{SelfTime, Service};

const PRODUCTS: [&str; 12] = [
    "TEL-80-ACHROMAT",
    "TEL-130-NEWTON",
    "BIN-10X50",
    "BIN-7X35",
    "MNT-EQ3",
    "MNT-ALTAZ",
    "EYE-PLOSSL-25",
    "EYE-ZOOM-8-24",
    "CAM-PLANET-2",
    "FLT-OIII",
    "BAG-TRIPOD",
    "RED-LAMP",
];

/// How many products are noted one by one where they are.
const LISTED: [i64; 2] = [40, 130];

const CATEGORIES: [&str; 5] = ["telescopes", "binoculars", "accessories", "travel", "books"];

const CURRENCIES: [&str; 6] = ["USD", "EUR", "CHF", "GBP", "JPY", "CAD"];

const COUNTRIES: [&str; 6] = ["US", "DE", "CH", "GB", "JP", "CA"];

pub(super) fn product(dice: &mut Dice) -> &'static str {
    dice.pick(&PRODUCTS)
}

pub(super) fn currency_code(dice: &mut Dice) -> &'static str {
    dice.pick(&CURRENCIES)
}

pub(super) fn country(dice: &mut Dice) -> &'static str {
    dice.pick(&COUNTRIES)
}

/// `count` products as an attribute's array.
pub(super) fn products(dice: &mut Dice, count: usize) -> Value {
    Value::Array((0..count).map(|_| Value::from(product(dice))).collect())
}

pub(super) fn get_product(dice: &mut Dice, caller: Service) -> Operation {
    grpc(dice, caller, Service::ProductCatalog, "shop.ProductCatalogService/GetProduct", |dice, server| {
        server.note("app.product.id", product(dice));
        server.note_some("app.product.name", dice.sometimes(0.3, edges::product_name));
        server.call(catalog_query(
            dice,
            "products",
            "SELECT id, name, description, picture, price_units, price_nanos, categories FROM products WHERE id = $1",
        ));
        if dice.chance(0.3) {
            flag(dice, server, "productCatalogFailure");
        }
    })
}

pub(super) fn list_products(dice: &mut Dice, caller: Service) -> Operation {
    grpc(dice, caller, Service::ProductCatalog, "shop.ProductCatalogService/ListProducts", |dice, server| {
        server.call(catalog_query(
            dice,
            "products",
            "SELECT id, name, picture, price_units, price_nanos FROM products ORDER BY name LIMIT $1",
        ));
        server.note("app.products.count", dice.between(10, 12) as i64);
        // Whoever notes each product that passes by soon has more events than an SDK keeps unless it is told to.
        for number in 0..dice.sometimes(0.01, |dice| dice.pick(&LISTED)).unwrap_or_default() {
            server.event("product listed", vec![Attribute::new("app.product.position", number)]);
        }
        if dice.chance(0.3) {
            flag(dice, server, "productCatalogFailure");
        }
    })
}

fn catalog_query(dice: &mut Dice, table: &'static str, text: &'static str) -> Operation {
    let query = Query { operation: "SELECT", table, text, database: "catalog" };
    let mut query = sql(dice, Service::ProductCatalog, &query);
    query.note_some("app.query.Interpolated", dice.sometimes(0.015, edges::long_text));
    if let Some(name) = dice.sometimes(0.002, edges::long_name) {
        query.name = name;
    }
    query
}

pub(super) fn get_cart(dice: &mut Dice, caller: Service) -> Operation {
    grpc(dice, caller, Service::Cart, "shop.CartService/GetCart", |dice, server| {
        server.event("fetch cart", Vec::new());
        server.call(valkey(dice, Service::Cart, "HGET", "HGET ? cart"));
        server.note("app.cart.items.count", dice.between(1, 6) as i64);
        server.note_some("app.user.balance", dice.sometimes(0.3, edges::balance));
    })
}

pub(super) fn add_item(dice: &mut Dice, caller: Service) -> Operation {
    grpc(dice, caller, Service::Cart, "shop.CartService/AddItem", |dice, server| {
        server.note("app.product.id", product(dice));
        server.note("app.product.quantity", dice.pick(&[1_i64, 1, 1, 2, 3, 5, 10]));
        server.call(valkey(dice, Service::Cart, "HGET", "HGET ? cart"));
        write_cart(dice, server);
    })
}

pub(super) fn empty_cart(dice: &mut Dice, caller: Service) -> Operation {
    grpc(dice, caller, Service::Cart, "shop.CartService/EmptyCart", |dice, server| {
        server.event("empty cart", Vec::new());
        write_cart(dice, server);
    })
}

fn write_cart(dice: &mut Dice, server: &mut Operation) {
    server.note("app.cart.digest", Value::Bytes(dice.bytes(8)));
    server.call(valkey(dice, Service::Cart, "HMSET", "HMSET ? cart ?"));
    server.call(valkey(dice, Service::Cart, "EXPIRE", "EXPIRE ? 3600"));
}

pub(super) fn list_recommendations(dice: &mut Dice, caller: Service) -> Operation {
    grpc(dice, caller, Service::Recommendation, "shop.RecommendationService/ListRecommendations", |dice, server| {
        let mut lookup = Operation::internal(Service::Recommendation, "get_product_list");
        let cached = dice.chance(0.1);
        lookup.note("app.recommendation.cache_enabled", true);
        lookup.note("app.recommendation.cache_hit", cached);
        lookup.note("app.recommendation.score", edges::score(dice));
        flag(dice, &mut lookup, "recommendationCacheFailure");
        if !cached {
            lookup.call(list_products(dice, Service::Recommendation));
        }
        server.call(lookup);
        server.note("app.products_recommended.ids", products(dice, 4));
    })
}

pub(super) fn get_ads(dice: &mut Dice, caller: Service) -> Operation {
    grpc(dice, caller, Service::Ad, "shop.AdService/GetAds", |dice, server| {
        let categories = [dice.pick(&CATEGORIES), dice.pick(&CATEGORIES)].map(Value::from).to_vec();
        server.note("app.ads.categories", Value::Array(categories));
        server.note("app.ads.targeted", dice.chance(0.7));
        flag(dice, server, "adFailure");
        server.note("app.ads.count", dice.between(1, 3) as i64);
    })
}

pub(super) fn supported_currencies(dice: &mut Dice, caller: Service) -> Operation {
    grpc(dice, caller, Service::Currency, "shop.CurrencyService/GetSupportedCurrencies", |_, server| {
        server.note("app.currency.count", 33_i64);
    })
}

pub(super) fn convert(dice: &mut Dice, caller: Service) -> Operation {
    grpc(dice, caller, Service::Currency, "shop.CurrencyService/Convert", |dice, server| {
        server.note("app.currency.conversion.from", "USD");
        server.note("app.currency.conversion.to", currency_code(dice));
        server.note("app.currency.rate", dice.uniform(0.6, 1.6));
    })
}

pub(super) fn shipping_quote(dice: &mut Dice, caller: Service) -> Operation {
    http(dice, caller, Service::Shipping, &Request::internal("POST", "/get-quote", caller), |dice, server| {
        server.note("app.shipping.items.count", dice.between(1, 6) as i64);
        let request = Request::internal("POST", "/getquote", Service::Shipping);
        server.call(http(dice, Service::Shipping, Service::Quote, &request, |dice, server| {
            let mut calculate = Operation::internal(Service::Quote, "calculate-quote");
            // The oldest instrumentation of the shop knows no kinds.
            calculate.kind = SpanKind::Unspecified;
            calculate.note("app.quote.items.count", dice.between(1, 6) as i64);
            calculate.note("app.quote.cost.total", dice.uniform(3.0, 90.0));
            server.call(calculate);
        }));
        server.event("quote received", vec![Attribute::new("app.shipping.cost.total", dice.uniform(3.0, 90.0))]);
    })
}

pub(super) fn ship_order(dice: &mut Dice, caller: Service) -> Operation {
    http(dice, caller, Service::Shipping, &Request::internal("POST", "/ship-order", caller), |_, server| {
        let tracking = Value::Digits { prefix: "SP".to_owned(), digits: 14, suffix: "EU".to_owned() };
        server.note("app.shipping.tracking.id", tracking);
    })
}

pub(super) fn charge(dice: &mut Dice, caller: Service) -> Operation {
    grpc(dice, caller, Service::Payment, "shop.PaymentService/Charge", |dice, server| {
        flag(dice, server, "paymentFailure");
        let mut charge = Operation::internal(Service::Payment, "charge");
        charge.self_time = SelfTime::new(1.0, 0.5);
        charge.note("app.payment.card_type", dice.pick(&["visa", "mastercard", "amex"]));
        charge.note("app.payment.card_valid", true);
        charge.note("app.loyalty.level", dice.pick(&["bronze", "silver", "gold", "platinum"]));
        charge.note("app.payment.amount", Value::Uniform { low: 5.0, high: 2_500.0 });
        server.call(charge);
        let transaction = Value::Digits { prefix: "txn-".to_owned(), digits: 18, suffix: String::new() };
        server.note("app.payment.transaction.id", transaction);
        server.note("app.payment.charged", true);
    })
}

pub(super) fn confirm_by_email(dice: &mut Dice, caller: Service) -> Operation {
    let request = Request::internal("POST", "/send_order_confirmation", caller);
    http(dice, caller, Service::Email, &request, |dice, server| {
        let template = edges::template(dice);
        let mut send = Operation::internal(Service::Email, format!("send_email {template}"));
        send.self_time = SelfTime::new(4.0, 0.7);
        send.note("app.email.template", template);
        server.call(send);
        server.note("app.order.id", super::checkout::order_id());
    })
}
