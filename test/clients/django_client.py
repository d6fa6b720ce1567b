"""Django with the code of docs/from-django-tenants.md, behind PgBouncer.

Started by run, which says where everything is in the environment.
"""
import os
import sys
import threading

sys.path.insert(0, os.environ["TM_PAGES"])
sys.path.insert(0, os.getcwd())

os.makedirs("shop/migrations", exist_ok=True)
for path, text in {
    "shop/__init__.py": "default_app_config = 'shop.apps.ShopConfig'\n",
    "shop/migrations/__init__.py": "",
    "shop/apps.py": """
from django.apps import AppConfig
from django.db.models.signals import pre_migrate
from migration_check import refuse_unbound


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        pre_migrate.connect(refuse_unbound)
""",
    "shop/models.py": """
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Customer(models.Model):
    name = models.TextField()


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)


class Note(models.Model):
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.IntegerField()
    target = GenericForeignKey()
""",
    "shop/urls.py": """
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.urls import path
from shop.models import Customer


def write(request):
    how = request.GET.get("how")
    Customer.objects.create(name=how or "committed")
    if how == "raise":
        raise RuntimeError("as asked for")
    if how == "404":
        raise Http404
    if how == "403":
        raise PermissionDenied
    return HttpResponse("written")


def who(request):
    return HttpResponse(Customer.objects.get(name__startswith="I am").name)


urlpatterns = [path("write", write), path("who", who)]
""",
}.items():
    with open(path, "w") as file:
        file.write(text)


def database(host, port, user, **options):
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["TM_DATABASE"],
        "HOST": host,
        "PORT": port,
        "USER": user,
        "OPTIONS": options,
        # a pool in transaction mode has no place for server-side cursors
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


pool = database(os.environ["TM_POOL"], os.environ["TM_POOL_PORT"], "app")
direct = (os.environ["TM_DIRECT"], os.environ["TM_DIRECT_PORT"], "mgr")

import django
from django.conf import settings

settings.configure(
    DATABASES={
        "default": pool,
        # as the page says: for "migrate" only, direct and bound
        "template": database(*direct, options="-c tenant_mgr.tenant=template_app"),
        "unbound": database(*direct),
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "shop"],
    MIDDLEWARE=["middleware.TenantMiddleware"],
    ROOT_URLCONF="shop.urls",
    ALLOWED_HOSTS=["*"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    SECRET_KEY="x",
)
django.setup()

from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client
from django.contrib.contenttypes.models import ContentType
from shop.models import Customer, Note, Order
from tenants import in_tenant


def check(good, text):
    print(("ok" if good else "not ok") + " - django: " + text, flush=True)


def as_manager(sql, *arguments):
    with connections["unbound"].cursor() as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall() if cursor.description else None


def current():
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant.current()")
        return cursor.fetchone()[0]


def raises(work):
    try:
        work()
    except Exception as error:
        return str(error)
    return ""


def names(tenant):
    with in_tenant(tenant):
        return sorted(Customer.objects.values_list("name", flat=True))


# migrations
call_command("makemigrations", "shop", verbosity=0)
check("not bound" in raises(lambda: call_command("migrate", database="unbound", verbosity=0)),
      "an unbound migrate is refused")
call_command("migrate", database="template", verbosity=0)
tables = as_manager("SELECT schemaname, count(*) FROM pg_tables WHERE tablename ~ '^(shop|django)' GROUP BY 1")
check(tables == [("template_app", 5)], f"migrate of the template makes tables in the template only: {tables}")
for name in ("t1", "t2", "t3"):
    as_manager("SELECT tenant.create(%s, template => 'template_app')", name)
check(as_manager("SELECT count(*) FROM t1.django_migrations") == as_manager("SELECT count(*) FROM template_app.django_migrations"),
      "a new tenant counts as migrated")

# nested blocks
with in_tenant("t1"):
    Customer.objects.create(name="I am t1")
    with in_tenant("t2"):
        Customer.objects.create(name="I am t2")
        inner = current()
    outer = current()
    found = Customer.objects.get().name
check((inner, outer, found) == ("t2", "t1", "I am t1"), "after an inner block the outer tenant is back")
with in_tenant("t1"):
    try:
        with in_tenant("t2"):
            Customer.objects.create(name="not kept")
            raise RuntimeError
    except RuntimeError:
        pass
    outer = current()
check(outer == "t1" and names("t2") == ["I am t2"], "and after one that fails")
check(current() is None, "nothing remains after the outermost block")

# foreign keys of Django are all deferred
def deferred():
    with transaction.atomic():
        with in_tenant("t1"):
            customer = Customer.objects.create(name="one")
            order = Order.objects.create(customer=customer)
            Order.objects.filter(pk=order.pk).update(customer_id=customer.pk)
        with in_tenant("t2"):
            Order.objects.create(customer=Customer.objects.create(name="two"))


problem = raises(deferred)
check(problem == "", f"two tenants in one transaction, with deferred keys: {problem}")
def dangling():
    with transaction.atomic():
        with in_tenant("t1"):
            Order.objects.create(customer_id=999)
        with in_tenant("t2"):
            Customer.objects.create(name="lost")


check("foreign key" in raises(dangling) and "lost" not in names("t2"), "a key that dangles is found at COMMIT, and all is undone")

# content types
with in_tenant("t3"):
    ContentType.objects.all().delete()
as_manager("ALTER SEQUENCE t3.django_content_type_id_seq RESTART WITH 700")
with in_tenant("t3"):
    Customer.objects.create(name="I am t3")
with in_tenant("t1"):
    first = ContentType.objects.get_for_model(Customer).pk
with in_tenant("t3"):
    customer = Customer.objects.get()
    Note.objects.create(target=customer)
    stored = Note.objects.values_list("content_type_id", flat=True)[0]
check(stored != first and stored >= 700, "a generic relation has the content type of its own tenant")

# requests
def answer(tenant, path):
    return Client(raise_request_exception=False).get(path, HTTP_HOST=f"{tenant}.app.example")


with in_tenant("t1"):
    Customer.objects.exclude(name="I am t1").delete()
check(answer("t1", "/write").status_code == 200 and "committed" in names("t1"), "a request that succeeds is committed")
statuses = [answer("t1", f"/write?how={how}").status_code for how in ("raise", "404", "403")]
check(statuses == [500, 404, 403] and not {"raise", "404", "403"} & set(names("t1")), f"those that fail are not: {statuses}")
check(answer("nobody", "/who").status_code == 404, "a host of nobody is not found")

wrong = []


def load(number):
    for i in range(40):
        tenant = f"t{1 + (number + i) % 3}"
        if i % 7 == 3:
            answer(tenant, "/write?how=raise")
        response = answer(tenant, "/who")
        if response.content.decode() != f"I am {tenant}":
            wrong.append((tenant, response.status_code, response.content[:60]))
    connections.close_all()


threads = [threading.Thread(target=load, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
check(not wrong, f"320 requests of 8 threads on two server connections get their tenant's answer {wrong[:3]}")

connections.close_all()
sys.stdout.flush()
