"""An application of Django with many migrations; its manage.py.

Started by migrations.sh in a directory of its own, with the arguments of
manage.py.  There is nothing about tenants in it: PGOPTIONS says which one.
"""
import os
import sys

sys.path.insert(0, os.getcwd())

MIGRATIONS = {
    "0001_customers": """
    operations = [
        migrations.CreateModel("Customer", [
            ("id", models.AutoField(primary_key=True)),
            ("name", models.TextField()),
            ("number", models.IntegerField(null=True)),
        ]),
    ]
""",
    "0002_orders": """
    operations = [
        migrations.CreateModel("Product", [
            ("id", models.BigAutoField(primary_key=True)),
            ("title", models.CharField(max_length=100, db_index=True)),
            ("price", models.DecimalField(max_digits=10, decimal_places=2)),
        ]),
        migrations.CreateModel("Order", [
            ("id", models.BigAutoField(primary_key=True)),
            ("customer", models.ForeignKey("shop.Customer", on_delete=models.CASCADE)),
            ("products", models.ManyToManyField("shop.Product")),
            ("placed", models.DateTimeField(auto_now_add=True)),
        ]),
    ]
""",
    "0003_columns": """
    operations = [
        migrations.AddField("Customer", "active", models.BooleanField(default=True)),
        migrations.AddField("Customer", "joined", models.DateField(null=True)),
        migrations.AlterField("Customer", "number", models.BigIntegerField(null=True)),
    ]
""",
    "0004_indexes": """
    operations = [
        migrations.AddIndex("Order", models.Index(fields=["customer", "-placed"], name="order_of_customer")),
        migrations.AlterUniqueTogether("Product", {("title", "price")}),
        migrations.AddConstraint("Product", models.CheckConstraint(check=models.Q(price__gte=0), name="price_is_positive")),
        migrations.AddConstraint("Customer", models.UniqueConstraint(fields=["number"], condition=models.Q(active=True), name="one_number")),
    ]
""",
    "0005_plans": """
    operations = [
        migrations.CreateModel("Plan", [
            ("id", models.AutoField(primary_key=True)),
            ("code", models.CharField(max_length=30, unique=True)),
            ("price", models.DecimalField(max_digits=10, decimal_places=2)),
            ("options", models.JSONField(default=dict)),
            ("badge", models.BinaryField(null=True)),
            ("since", models.DateTimeField(null=True)),
            ("day", models.DateField(null=True)),
            ("key", models.UUIDField(null=True)),
            ("ratio", models.FloatField(null=True)),
            ("span", models.DurationField(null=True)),
            ("note", models.TextField(null=True)),
            ("tags", ArrayField(models.TextField(), default=list)),
        ]),
    ]
""",
    "0006_data": r"""
    def fill(apps, schema_editor):
        Plan = apps.get_model("shop", "Plan")
        Plan.objects.create(
            code="it's \\ 100%", price=Decimal("12.50"), options={"a": [1, None, "\u00e4\u20ac"]},
            badge=b"\x00\xff'\\", since=datetime.datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=datetime.timezone.utc),
            day=datetime.date(2026, 2, 3), key=uuid.UUID(int=77), ratio=0.1,
            span=datetime.timedelta(days=3, seconds=4), tags=["x", "y,z", 'q"'])
        Plan.objects.bulk_create([Plan(code=f"plan {i}", price=i) for i in range(20)])
        plan, made = Plan.objects.get_or_create(code="free", defaults={"price": 0})
        Plan.objects.filter(code="plan 3").delete()
        plan.note = "chosen"
        plan.save()

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
""",
    "0007_plan_of_customer": """
    operations = [
        migrations.AddField("Customer", "plan", models.ForeignKey("shop.Plan", null=True, on_delete=models.SET_NULL)),
    ]
""",
    "0008_data_of_customers": """
    def choose(apps, schema_editor):
        Customer = apps.get_model("shop", "Customer")
        Customer.objects.update(plan=apps.get_model("shop", "Plan").objects.get(code="free"), name=Upper("name"))
        Customer.objects.filter(number__isnull=True).update(number=models.F("id") * 10)

    operations = [migrations.RunPython(choose)]
""",
    # what has just been written to has events that wait for the end
    "0009_not_null": """
    operations = [
        migrations.AlterField("Customer", "plan", models.ForeignKey("shop.Plan", on_delete=models.PROTECT)),
        migrations.AlterField("Customer", "number", models.BigIntegerField(unique=True)),
    ]
""",
    "0010_sql": """
    operations = [
        migrations.RunSQL(
            '''CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN NEW.note := coalesce(NEW.note, 'none; noted'); RETURN NEW; END $$;
               CREATE TRIGGER noted BEFORE UPDATE ON shop_plan FOR EACH ROW EXECUTE FUNCTION note_change();
               CREATE VIEW cheap AS SELECT code, price FROM shop_plan WHERE price < 5;''',
            "DROP VIEW cheap"),
        migrations.RunSQL([("UPDATE shop_plan SET ratio = %s WHERE price > %s", [1.5, 10]),
                           ("INSERT INTO shop_plan (code, price, options, tags) VALUES (%s, %s, %s, %s)", ["by SQL", 7, "{}", ["t"]])]),
        migrations.RunSQL("DO $$ BEGIN FOR i IN 1 .. 3 LOOP UPDATE shop_plan SET price = price + i WHERE code = 'free'; END LOOP; END $$"),
    ]
""",
    "0011_caught_error": """
    def fail(apps, schema_editor):
        Plan = apps.get_model("shop", "Plan")
        try:
            with transaction.atomic():
                # its own numbers, for those of a sequence would not come back
                Plan.objects.create(pk=1000, code="lost", price=1)
                Plan.objects.create(pk=1001, code="free", price=1)
        except IntegrityError:
            Plan.objects.create(code="kept", price=1)

    operations = [migrations.RunPython(fail)]
""",
    "0012_names": """
    operations = [
        migrations.RenameField("Product", "title", "name"),
        migrations.RenameModel("Order", "Purchase"),
        migrations.AlterModelTable("Plan", "plans"),
    ]
""",
    "0013_concurrently": """
    atomic = False
    operations = [
        AddIndexConcurrently("Purchase", models.Index(fields=["placed"], name="purchase_placed")),
        AddIndexConcurrently("Plan", GinIndex(fields=["tags"], name="plan_tags")),
        RemoveIndexConcurrently("Purchase", "order_of_customer"),
    ]
""",
    "0014_after": """
    def more(apps, schema_editor):
        apps.get_model("shop", "Plan").objects.filter(price__gt=Decimal("15.00")).update(note="dear")

    operations = [
        migrations.AddField("Purchase", "paid", models.DecimalField(max_digits=8, decimal_places=2, default=0)),
        migrations.RunPython(more),
        migrations.RemoveField("Customer", "joined"),
    ]
""",
}

HEAD = """
import datetime
import uuid
from decimal import Decimal
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import IntegrityError, migrations, models, transaction
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [%s]
"""


def write_application():
    os.makedirs("shop/migrations")
    for path in ("shop/__init__.py", "shop/migrations/__init__.py", "shop/models.py"):
        open(path, "w").close()
    before = ""
    for name, body in MIGRATIONS.items():
        with open(f"shop/migrations/{name}.py", "w") as file:
            file.write(HEAD % before + body)
        before = f"('shop', '{name}')"


if not os.path.exists("shop"):
    write_application()

from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["TM_DATABASE"],
            "HOST": os.environ["TM_DIRECT"],
            "PORT": os.environ["TM_DIRECT_PORT"],
            "USER": "mgr",
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions",
                    "django.contrib.postgres", "shop"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    SECRET_KEY="x",
    USE_TZ=True,
)
execute_from_command_line(["manage.py"] + sys.argv[1:])
