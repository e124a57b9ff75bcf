//! What users do, as the load generator plays them: the roots of all traces but probes.

use super::backend::{
    add_item, convert, get_ads, get_cart, get_product, list_products, list_recommendations, product, products,
    shipping_quote, supported_currencies,
};
use super::calls::http;
use super::checkout::place_order;
use super::{Operation, Step};
use crate::model::{Attribute, Value};
use crate::workload::shop::attributes::Request;
use crate::workload::shop::edges;
use crate::workload::shop::rng::Dice;
use crate::workload::shop::services::{SelfTime, Service};

/// Something a user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workload::shop) enum Root {
    Index,
    Browse,
    Recommendations,
    Ads,
    ViewCart,
    AddToCart,
    Checkout,
    CheckoutMulti,
}

impl Root {
    /// Every root, with its share of the traffic relative to the others.
    pub(in crate::workload::shop) const SHARES: [(Self, f64); 8] = [
        (Self::Index, 1.0),
        (Self::Browse, 10.0),
        (Self::Recommendations, 3.0),
        (Self::Ads, 3.0),
        (Self::ViewCart, 3.0),
        (Self::AddToCart, 2.0),
        (Self::Checkout, 1.0),
        (Self::CheckoutMulti, 1.0),
    ];

    /// The root span's name.
    pub(in crate::workload::shop) fn name(self) -> &'static str {
        match self {
            Self::Index => "user_index",
            Self::Browse => "user_browse_product",
            Self::Recommendations => "user_get_recommendations",
            Self::Ads => "user_get_ads",
            Self::ViewCart => "user_view_cart",
            Self::AddToCart => "user_add_to_cart",
            Self::Checkout => "user_checkout_single",
            Self::CheckoutMulti => "user_checkout_multi",
        }
    }

    /// Draws one such visit.
    pub(in crate::workload::shop) fn draw(self, dice: &mut Dice) -> Operation {
        let mut root = Operation::internal(Service::LoadGenerator, self.name());
        root.self_time = Service::LoadGenerator.facts().self_time;
        root.note("app.synthetic_request", true);
        if dice.chance(0.3) {
            root.note("session.id", session());
        }
        root.steps = self.visit(dice).into_iter().map(Step::Call).collect();
        root
    }

    fn visit(self, dice: &mut Dice) -> Vec<Operation> {
        let items = 1 + dice.weighted(&[0.45, 0.3, 0.15, 0.1]);
        match self {
            Self::AddToCart => vec![browse(dice), post_to_cart(dice)],
            Self::Checkout => vec![post_checkout(dice, items)],
            Self::CheckoutMulti => {
                let items = dice.between(2, 4);
                let mut visit: Vec<_> = (0..items).flat_map(|_| [browse(dice), post_to_cart(dice)]).collect();
                visit.push(post_checkout(dice, items));
                visit
            }
            _ if dice.chance(0.15) => vec![image(dice)],
            Self::Index => vec![index(dice)],
            Self::Browse => vec![browse(dice)],
            Self::Recommendations => vec![recommendations(dice)],
            Self::Ads => vec![ads(dice)],
            Self::ViewCart => vec![view_cart(dice, items)],
        }
    }
}

fn session() -> Value {
    Value::Digits { prefix: "sess-".to_owned(), digits: 16, suffix: String::new() }
}

/// A request through the proxy to whoever serves it.
fn through_proxy(
    dice: &mut Dice,
    request: &Request,
    upstream: Service,
    work: impl FnOnce(&mut Dice, &mut Operation),
) -> Operation {
    http(dice, Service::LoadGenerator, Service::FrontendProxy, request, |dice, proxy| {
        proxy.name = "ingress".to_owned();
        proxy.note("guid:x-request-id", dice.uuid());
        proxy.attributes.extend(dice.sometimes(0.04, edges::headers).into_iter().flatten());
        if dice.chance(0.1) {
            let languages = ["de-CH", "en;q=0.7"].map(Value::from).to_vec();
            proxy.note("http.request.header.accept-language", Value::Array(languages));
        }
        let mut egress = http(dice, Service::FrontendProxy, upstream, request, work);
        egress.name = format!("router {} egress", upstream.facts().name);
        egress.note("upstream_cluster.name", upstream.facts().name);
        egress.note("response_flags", "-");
        if upstream == Service::ImageProvider {
            // A page does without its image, but this visit is for the image alone and the proxy has no substitute.
            egress.propagation = 1.0;
        }
        proxy.call(egress);
    })
}

fn image(dice: &mut Dice) -> Operation {
    let path = format!("/images/products/{}.jpg", product(dice).to_lowercase());
    let request = Request::by_user(dice, "GET", "/images/", path);
    through_proxy(dice, &request, Service::ImageProvider, |dice, server| {
        server.note("http.response.body.size", dice.between(4_000, 400_000) as i64);
    })
}

/// A page or an API of the frontend: the framework's spans around what `work` does.
fn page(dice: &mut Dice, request: &Request, work: impl FnOnce(&mut Dice, &mut Operation)) -> Operation {
    through_proxy(dice, request, Service::Frontend, |dice, server| {
        if dice.chance(0.25) {
            server.note("session.id", session());
        }
        server.note_some("app.promotion.code", dice.sometimes(0.05, edges::nothing));
        server.note_some("app.request.payload", dice.sometimes(0.02, edges::everything));
        server.attributes.extend(dice.sometimes(0.05, edges::assortment).into_iter().flatten());
        if dice.chance(0.3) {
            server.call(framework(
                format!("resolve page components {}", request.route),
                "NextNodeServer.findPageComponents",
            ));
        }
        let verb = if request.route == "/" { "render" } else { "executing api" };
        let name = format!("{verb} route (pages) {}", request.route);
        let mut handler = framework(name, "Node.runHandler");
        work(dice, &mut handler);
        server.call(handler);
        if dice.chance(0.3) {
            let mut response = framework("start response".to_owned(), "NextNodeServer.startResponse");
            if dice.chance(0.1) {
                // What the runtime's clock of milliseconds makes of something shorter.
                response.self_time = SelfTime::new(0.0, 0.0);
            }
            server.call(response);
        }
    })
}

fn framework(name: String, span_type: &'static str) -> Operation {
    let mut span = Operation::internal(Service::Frontend, name.as_str());
    span.self_time = SelfTime::new(0.3, 0.6);
    span.attributes = vec![Attribute::new("next.span_name", name), Attribute::new("next.span_type", span_type)];
    span
}

fn index(dice: &mut Dice) -> Operation {
    let request = Request::by_user(dice, "GET", "/", "/".to_owned());
    page(dice, &request, |dice, handler| {
        handler.call(list_products(dice, Service::Frontend));
        if dice.chance(0.7) {
            handler.call(supported_currencies(dice, Service::Frontend));
        }
    })
}

fn browse(dice: &mut Dice) -> Operation {
    let path = format!("/api/products/{}", product(dice));
    let request = Request::by_user(dice, "GET", "/api/products/{productId}", path);
    page(dice, &request, |dice, handler| {
        handler.call(get_product(dice, Service::Frontend));
        if dice.chance(0.7) {
            handler.call(convert(dice, Service::Frontend));
        }
    })
}

fn recommendations(dice: &mut Dice) -> Operation {
    let request = Request::by_user(dice, "GET", "/api/recommendations", "/api/recommendations".to_owned())
        .with_query(format!("productIds={}", product(dice)));
    page(dice, &request, |dice, handler| {
        handler.call(list_recommendations(dice, Service::Frontend));
        let lookups = (0..4).map(|_| get_product(dice, Service::Frontend)).collect();
        handler.together(lookups);
    })
}

fn ads(dice: &mut Dice) -> Operation {
    let request = Request::by_user(dice, "GET", "/api/data", "/api/data".to_owned())
        .with_query("contextKeys=telescopes".to_owned());
    page(dice, &request, |dice, handler| handler.call(get_ads(dice, Service::Frontend)))
}

fn view_cart(dice: &mut Dice, items: usize) -> Operation {
    let request = Request::by_user(dice, "GET", "/api/cart", "/api/cart".to_owned());
    page(dice, &request, |dice, handler| {
        handler.call(get_cart(dice, Service::Frontend));
        let lookups = (0..items).map(|_| get_product(dice, Service::Frontend)).collect();
        handler.together(lookups);
        if dice.chance(0.1) {
            handler.call(shipping_quote(dice, Service::Frontend));
        }
        handler.note("app.product.ids", products(dice, items));
    })
}

fn post_to_cart(dice: &mut Dice) -> Operation {
    let request = Request::by_user(dice, "POST", "/api/cart", "/api/cart".to_owned());
    page(dice, &request, |dice, handler| handler.call(add_item(dice, Service::Frontend)))
}

fn post_checkout(dice: &mut Dice, items: usize) -> Operation {
    let request = Request::by_user(dice, "POST", "/api/checkout", "/api/checkout".to_owned())
        .with_query("currencyCode=CHF".to_owned());
    page(dice, &request, |dice, handler| {
        handler.call(place_order(dice, Service::Frontend, items));
        let lookups = (0..items).map(|_| get_product(dice, Service::Frontend)).collect();
        handler.together(lookups);
        handler.note("app.order.items.count", items as i64);
    })
}
