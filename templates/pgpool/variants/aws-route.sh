# shellcheck shell=sh disable=SC2154,SC2034
# A route-table entry: an address outside the VPC's range is routed to this instance; zones may differ. The instance's
# source/destination check has to be off.
address=@@address@@
device=@@device@@
table=@@table@@
own instance-id
instance=$answer
route() { aws_run ec2 "$1" --route-table-id "$table" --destination-cidr-block "$address/32" --instance-id "$instance"; }

# With the check on EC2 drops what is routed here. The route is turned all the same: the command below then mends it at once, and where the
# old route leads there is nobody.
check=
look_at_check() {
  mend="aws --region $region ec2 modify-instance-attribute --instance-id $instance --no-source-dest-check"
  if ! aws_ask ec2 describe-instance-attribute --instance-id "$instance" --attribute sourceDestCheck --query SourceDestCheck.Value; then
    outcome="done; whether the source/destination check of $instance is off cannot be seen ($why). If it is on: $mend"
  elif [ "$answer" = True ]; then
    check=on
  fi
}

if [ "$verb" = escalation ]; then
  add_address "$address" "$device"
  if [ -n "$dry" ]; then
    # The second where the first finds a route.
    route create-route
    route replace-route
  else
    look_at_check
    if ! route create-route; then
      case $why in *'(RouteAlreadyExists)'*) ;; *) say "no new route to $address ($why), so the one that is there is turned" ;; esac
      route replace-route || die "the route to $address was not turned here: $why"
    fi
    if [ -n "$check" ]; then
      die "the route to $address leads here, but the source/destination check of $instance is on and EC2 drops what comes: $mend"
    fi
  fi
else
  drop_address "$address" "$device"
  if [ -n "$dry" ]; then
    aws_run ec2 delete-route --route-table-id "$table" --destination-cidr-block "$address/32"
  else
    aws_ask ec2 describe-route-tables --route-table-ids "$table" \
      --query "RouteTables[0].Routes[?DestinationCidrBlock=='$address/32'].InstanceId" || die "the route table $table cannot be looked at: $why"
    if [ "$answer" = "$instance" ] && ! aws_run ec2 delete-route --route-table-id "$table" --destination-cidr-block "$address/32"; then
      case $why in
      *'(InvalidRoute.NotFound)'*) say "the route to $address is not ours any more" ;;
      *) die "the route to $address stays: $why" ;;
      esac
    fi
  fi
fi
finish
