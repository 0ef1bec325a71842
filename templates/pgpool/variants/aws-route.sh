# shellcheck shell=sh disable=SC2154
# A route-table entry: an address outside the VPC's range is routed to this instance; zones may differ. The instance's
# source/destination check has to be off.
address=@@address@@
device=@@device@@
table=@@table@@
instance=$(own instance-id)
if [ "$verb" = escalation ]; then
  add_address "$address" "$device" || die "the address $address was not added to $device"
  if [ -n "$dry" ]; then
    aws_run ec2 replace-route --route-table-id "$table" --destination-cidr-block "$address/32" --instance-id "$instance"
  elif ! aws_run ec2 create-route --route-table-id "$table" --destination-cidr-block "$address/32" --instance-id "$instance"; then
    aws_run ec2 replace-route --route-table-id "$table" --destination-cidr-block "$address/32" --instance-id "$instance" ||
      die "the route to $address was not turned here"
  fi
else
  drop_address "$address" "$device" || die "the address $address was not taken from $device"
  if [ -n "$dry" ]; then
    aws_run ec2 delete-route --route-table-id "$table" --destination-cidr-block "$address/32"
  else
    holder=$(aws_ask ec2 describe-route-tables --route-table-ids "$table" \
      --query "RouteTables[0].Routes[?DestinationCidrBlock=='$address/32'].InstanceId") || die "the route table $table cannot be looked at"
    if [ "$holder" = "$instance" ]; then
      aws_run ec2 delete-route --route-table-id "$table" --destination-cidr-block "$address/32" || die "the route to $address stays"
    fi
  fi
fi
if [ -z "$dry" ]; then say 'done'; fi
