"""What the demo's shop sells: its routes, its prices, its carts and the releases it can run."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

INSTANCES = tuple(f"shop-{number}" for number in range(1, 9))
PRICING_INSTANCE = "pricing-1"
PRICING_VERSION = "1.8.2"

ROUTES = (
    "/",
    "/account",
    "/account/addresses",
    "/account/orders",
    "/account/returns",
    "/account/wishlist",
    "/basket/estimate",
    "/brands",
    "/cart",
    "/cart/add",
    "/cart/coupon",
    "/cart/remove",
    "/catalog",
    "/catalog/books",
    "/catalog/garden",
    "/catalog/kitchen",
    "/catalog/new",
    "/catalog/sale",
    "/catalog/toys",
    "/checkout",
    "/checkout/address",
    "/checkout/confirm",
    "/checkout/payment",
    "/checkout/shipping",
    "/compare",
    "/delivery/slots",
    "/gift-cards",
    "/invoice",
    "/newsletter/offers",
    "/offers/bundle",
    "/offers/daily",
    "/order/status",
    "/order/track",
    "/product",
    "/product/reviews",
    "/product/stock",
    "/recommendations",
    "/search",
    "/search/suggest",
    "/stores/nearby",
)

PRICES_CENT: Mapping[str, int] = {f"sku-{number:02d}": 199 + number * number * 37 % 4800 for number in range(24)}

CARTS_WITH_CURRENCY_OF_TEN = 3
CART_ID = re.compile(r"[0-9a-f]{1,32}")


class BadCartId(ValueError):
    """A cart id is 1 to 32 digits of 0-9a-f; send one like ?cart=5f3a."""


@dataclass(frozen=True, slots=True)
class Cart:
    """What one customer has in the basket; `fields` holds whatever that customer's client saved with it."""

    id: str
    skus: tuple[str, ...]
    fields: Mapping[str, str]


def cart_of(cart_id: str) -> Cart:
    """The cart behind an id, always the same for the same id. Three carts in ten carry a currency."""
    if not CART_ID.fullmatch(cart_id):
        raise BadCartId
    number = int(cart_id, 16)
    skus = tuple(f"sku-{(number // 10 + step * 7) % len(PRICES_CENT):02d}" for step in range(1 + number % 4))
    saved = {"currency": "EUR"} if number % 10 < CARTS_WITH_CURRENCY_OF_TEN else {}
    return Cart(cart_id, skus, saved)


def total_cent(cart: Cart, prices: Mapping[str, int]) -> int:
    """The sum of a cart in cents."""
    return sum(prices[sku] for sku in cart.skus)


def format_price_in_euro(cart: Cart, cents: int) -> str:
    """Release 2.4.0: one shop, one currency."""
    return f"{cents // 100}.{cents % 100:02d} EUR"


def format_price_in_currency(cart: Cart, cents: int) -> str:
    """Release 2.4.1: the currency of the cart. The bug is real: older clients never saved that field."""
    return f"{cents // 100}.{cents % 100:02d} {cart.fields['currency']}"


FIRST_RELEASE = "2.4.0"
RELEASES: Mapping[str, Callable[[Cart, int], str]] = {
    FIRST_RELEASE: format_price_in_euro,
    "2.4.1": format_price_in_currency,
}
